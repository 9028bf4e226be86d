"""Credentials of an S3 server that may change while a process uses them: keys that expire are read again."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import botocore.loaders
import botocore.session
from botocore.credentials import Credentials as BotoCredentials
from botocore.credentials import ReadOnlyCredentials

from fedtrain.contracts.places import CREDENTIALS_FOLDER
from fedtrain.ledger.store import StoreError

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
"""Keys of a Secret with credentials. The last one is optional."""
EXPIRED = ("ExpiredToken", "ExpiredTokenException", "InvalidToken", "TokenRefreshRequired")
"""Error codes of credentials that were valid before."""
_RELOADS = 2
"""Attempts of one request after which credentials are read again."""


@dataclass(frozen=True, kw_only=True)
class Keys:
    """An access key. Never shown."""

    key_id: str = field(repr=False)
    secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, secret: Mapping[str, bytes], where: str) -> "Keys":
        """Return the keys in a Secret's content, without the line end that many editors add. Raises StoreError, naming
        `where` they were looked for."""
        content: dict[str, str] = {}
        for key in KEYS:
            try:
                content[key] = secret.get(key, b"").decode().strip()
            except UnicodeDecodeError as error:
                raise StoreError(f"{where}: {key} is not UTF-8 text. Correct it.") from error
        if missing := [key for key in KEYS[:2] if not content[key]]:
            raise StoreError(f"{where} has no {' and no '.join(missing)}.")
        return cls(key_id=content[KEYS[0]], secret=content[KEYS[1]], token=content[KEYS[2]] or None)


class Credentials(Protocol):
    """Where the keys of a client come from. Hashable, so that clients can be shared."""

    def read(self) -> Keys:
        """Return the current keys. Raises StoreError."""
        ...


@dataclass(frozen=True)
class Fixed:
    """Keys that do not change while a client uses them."""

    keys: Keys

    def read(self) -> Keys:
        return self.keys


@dataclass(frozen=True)
class MountedSecret:
    """A mounted Secret. The kubelet replaces its files when the Secret changes."""

    folder: Path

    def read(self) -> Keys:
        content: dict[str, bytes] = {}
        for key in KEYS:
            try:
                content[key] = (self.folder / key).read_bytes()
            except FileNotFoundError:
                continue
            except OSError as error:
                raise StoreError(f"The Secret mounted at {self.folder} cannot be read: {error.strerror}.") from error
        return Keys.of(content, f"The Secret mounted at {self.folder}")


def mounted(place: str) -> MountedSecret | None:
    """Return the Secret that is mounted in the folder of a place; None if there is none, as on a machine without
    Kubernetes."""
    folder = os.environ.get(CREDENTIALS_FOLDER)
    return MountedSecret(Path(folder) / place) if folder and (Path(folder) / place).is_dir() else None


class Renewed(BotoCredentials):
    """Credentials for boto that are read for each request, so that a change applies to the next one."""

    def __init__(self, source: Credentials) -> None:
        keys = source.read()
        super().__init__(keys.key_id, keys.secret, keys.token, method="fedtrain")
        self._source = source

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        keys = self._source.read()
        return ReadOnlyCredentials(keys.key_id, keys.secret, keys.token)


class DefaultChain(BotoCredentials):
    """Credentials of boto's default chain. boto itself renews those of roles and of single sign-on; `reload` reads
    files again in which other programs replace keys that expire."""

    def __init__(self, found: BotoCredentials, find: Callable[[], BotoCredentials | None]) -> None:
        super().__init__("", "", method=found.method)  # `found` may have to be fetched, which is done when it is used
        self._found = found
        self._find = find

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        return self._found.get_frozen_credentials()

    def reload(self) -> None:
        """Search the chain again."""
        self._found = self._find() or self._found


def session(credentials: Credentials | None, profile: str | None) -> botocore.session.Session:
    """Return a session with these credentials, else with those of the default chain. Raises StoreError, BotoCoreError
    for a profile that does not exist."""
    made: Any = botocore.session.Session(profile=profile)
    made.register_component("data_loader", _descriptions(made.get_config_variable("data_path")))
    if credentials is not None:
        made._credentials = Renewed(credentials)
    elif (found := made.get_credentials()) is not None:
        made._credentials = DefaultChain(found, lambda: _found(profile))
    return made


@cache
def _descriptions(folders: str | None) -> botocore.loaders.Loader:
    """Return the loader of the descriptions of AWS's services, whose files the first client of a process reads: nine
    tenths of the time that a client takes to make. `folders`: more places of such files."""
    return botocore.loaders.create_loader(folders)


def _found(profile: str | None) -> BotoCredentials | None:
    fresh: Any = botocore.session.Session(profile=profile)
    return fresh.get_credentials()


def reload_when_expired(client: Any, session: Any) -> None:
    """Let `client` repeat a request, with credentials read again, when the server says that they have expired."""

    def repeat(response: Any, attempts: int, **_: Any) -> int | None:
        parsed: Any = response[1] if response else {}
        if attempts > _RELOADS or parsed.get("Error", {}).get("Code") not in EXPIRED:
            return None
        credentials = session.get_credentials()
        if isinstance(credentials, DefaultChain):
            credentials.reload()
        return 0

    client.meta.events.register_first("needs-retry.s3", repeat)
