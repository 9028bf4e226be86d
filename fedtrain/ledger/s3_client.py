"""The boto3 client of a bucket."""

# pyright: reportMissingTypeStubs=false

import os
import ssl
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, InvalidRegionError, PartialCredentialsError, ProfileNotFound

from fedtrain.api.storage import S3Access
from fedtrain.ledger.s3_credentials import Credentials, reload_when_expired, session
from fedtrain.ledger.s3_place import Settings, chosen_endpoint, without_credentials
from fedtrain.ledger.store import StoreError

_CONNECTIONS = 32
_SERVERS = 64
"""Clients, with their connections, that are shared by all ledgers of one server and one set of credentials."""
_making = Lock()
"""Threads that need the same client at once wait for one."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """Limits of a request: seconds to connect and between two packets, and attempts, between which boto waits with
    exponential back-off and jitter (20 s at most)."""

    connect_seconds: float = 5.0
    read_seconds: float = 30.0
    attempts: int = 5


BRIEF = Patience(connect_seconds=5, read_seconds=6, attempts=3)
"""For commands that only read, because a user waits: a server that hangs is reported after some 20 s."""


def connect(s3: S3Access, patience: Patience, credentials: Credentials | None, settings: Settings) -> Any:
    """Return a client for the server of `s3`. Without `credentials`, those of the profile, else of boto's default chain
    are used. Raises StoreError for an invalid block, with the names in `settings`. Nothing is sent yet."""
    if s3.ca_file is not None:
        _check_certificates(Path(s3.ca_file), settings)
    place = s3.endpoint, s3.region, s3.path_style, s3.ca_file, s3.profile
    try:
        if credentials is None:
            return _client(*place, patience, None)
        with _making:
            return _shared(*place, patience, credentials)
    except ValueError as error:  # boto: InvalidRegionError, "Invalid endpoint: ..." of a server, or of AWS in a region
        chosen = chosen_endpoint(s3, settings)
        if chosen is None or isinstance(error, InvalidRegionError):
            region = s3.region or os.environ.get("AWS_DEFAULT_REGION", "the region of the profile")
            raise StoreError(f"{settings.region}: {region} is not a region; write it as `eu-central-1`.") from error
        _, said = chosen
        raise StoreError(
            f"{settings.endpoint}: {without_credentials(said)} is not a URL; write it as `https://host:port`."
        ) from error
    except PartialCredentialsError as error:
        raise StoreError(_incomplete(error)) from error
    except ProfileNotFound as error:
        raise StoreError(f"No client for S3: {error}. Check {settings.profile}.") from error
    except BotoCoreError as error:
        raise StoreError(f"No client for S3: {error}. Check {settings.profile} and {settings.region}.") from error


def _incomplete(error: PartialCredentialsError) -> str:
    missing = str(error.kwargs["cred_var"])  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    pair = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    pair = pair if missing in pair else ("aws_access_key_id", "aws_secret_access_key")
    given = pair[1] if missing == pair[0] else pair[0]
    return f"The S3 credentials are incomplete: {missing} is not set. Set it as well as {given}."


def _client(
    endpoint: str | None,
    region: str | None,
    path_style: bool,
    ca_file: str | None,
    profile: str | None,
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
    own = session(credentials, profile)
    through: Any = boto3.Session(botocore_session=own)
    client = through.client(
        "s3",
        endpoint_url=endpoint,
        region_name=region or through.region_name or ("us-east-1" if endpoint else None),
        verify=ca_file,
        config=config,
    )
    reload_when_expired(client, own)
    return client


_shared = lru_cache(maxsize=_SERVERS)(_client)


def _check_certificates(path: Path, settings: Settings) -> None:
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:  # ssl.SSLError is one
        raise StoreError(f"{settings.certificates}: {path} is not a file of PEM certificates: {error}.") from error
