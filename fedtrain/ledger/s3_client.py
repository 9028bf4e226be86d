"""The boto3 client of a bucket."""

# pyright: reportMissingTypeStubs=false

import ssl
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from fedtrain.api.storage import S3
from fedtrain.ledger.s3_place import Settings, chosen_endpoint, settings_of, without_credentials
from fedtrain.ledger.store import StoreError

_CONNECTIONS = 32
_SERVERS = 64
"""Clients that are shared by all ledgers of one server and one set of credentials: each takes a fifth of a second and
more than ten megabytes to make."""
_making = Lock()
"""Threads that want the same client at once wait for one, and do not make one each."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long a request is pursued: seconds to connect and between two packets, and attempts, between which boto
    waits with exponential back-off and jitter (20 s at most)."""

    connect_seconds: float = 5.0
    read_seconds: float = 30.0
    attempts: int = 5


BRIEF = Patience(connect_seconds=5, read_seconds=6, attempts=3)
"""Of commands that only read: somebody waits for the answer, and may ask again. A server that hangs is told of after
some 20 s."""


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """Who writes into the bucket; never shown."""

    key_id: str = field(repr=False)
    secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


def connect(
    s3: S3, patience: Patience, credentials: Credentials | None = None, settings: Settings | None = None
) -> Any:
    """A client for `s3`, whichever the bucket. Without credentials they come from boto's usual chain. Raises StoreError
    when the block can't be right, with the words of `settings` (else the file's); whether the server is there shows at
    the first request."""
    if s3.ca_file is not None:
        _check_certificates(Path(s3.ca_file))
    settings = settings or settings_of(s3, by_address=False)
    place = s3.endpoint, s3.region, s3.path_style, s3.ca_file
    try:
        if credentials is None:
            return _client(*place, patience, None)
        with _making:
            return _shared(*place, patience, credentials)
    except ValueError as error:  # boto: "Invalid endpoint: ..."
        _, said = chosen_endpoint(s3) or ("", "unset")
        raise StoreError(
            f"{settings.endpoint}: {without_credentials(said)} is no URL; write it as https://host:port."
        ) from error
    except BotoCoreError as error:
        raise StoreError(f"No client for S3: {error}. Check AWS_PROFILE and {settings.region}.") from error


def _client(
    endpoint: str | None,
    region: str | None,
    path_style: bool,
    ca_file: str | None,
    patience: Patience,
    credentials: Credentials | None,
) -> Any:
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path" if path_style else "auto"},
        # Servers other than AWS may refuse the checksums that boto adds by default; digests are checked on reading.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        user_agent="fedtrain",  # boto's own takes a tenth of a request to put together
        retries={"mode": "standard", "total_max_attempts": patience.attempts},
        connect_timeout=patience.connect_seconds,
        read_timeout=patience.read_seconds,
        max_pool_connections=_CONNECTIONS,
    )
    session: Any = boto3.Session()
    return session.client(
        "s3",
        endpoint_url=endpoint,
        region_name=region or session.region_name or ("us-east-1" if endpoint else None),
        verify=ca_file,
        aws_access_key_id=credentials.key_id if credentials else None,
        aws_secret_access_key=credentials.secret if credentials else None,
        aws_session_token=credentials.token if credentials else None,
        config=config,
    )


_shared = lru_cache(maxsize=_SERVERS)(_client)


def _check_certificates(path: Path) -> None:
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:  # ssl.SSLError is one
        raise StoreError(f"storage.s3.caFile: {path} can't be used as certificates in PEM form: {error}.") from error
