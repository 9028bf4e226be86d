"""Server and bucket of requests, and the settings that name them, for messages."""

import os
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from fedtrain.api.storage import S3Access

_VARIABLES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
"""In boto's order."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Names of the settings that a user may have to correct: fields of a file, or environment variables."""

    bucket: str
    endpoint: str
    region: str
    certificates: str
    credentials: str
    profile: str
    whole: str
    block: str | None = None
    """The field that declares the server. None for a run that is named by its address."""


@dataclass(frozen=True)
class Place:
    """`endpoint` is that of the client, wherever it comes from; None for AWS's own."""

    bucket: str
    endpoint: str | None
    region: str | None
    settings: Settings

    @property
    def server(self) -> str:
        """The server, without credentials."""
        return without_credentials(self.endpoint) if self.endpoint else f"AWS S3 ({self.region})"

    def __str__(self) -> str:
        return f"bucket {self.bucket!r} at {self.server}"


def settings_of(s3: S3Access, block: str | None) -> Settings:
    """Return the settings of a bucket. `block`: the field that declares its server, such as `storage.s3`; None for a
    run that is named as s3://bucket/..."""
    variables = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    if block is None:
        settings = Settings(
            bucket="the bucket in the run's address",
            endpoint="AWS_ENDPOINT_URL",
            region="AWS_DEFAULT_REGION",
            certificates="AWS_CA_BUNDLE",
            credentials=f"Set {variables}, or AWS_PROFILE",
            profile="AWS_PROFILE",
            whole="AWS_ENDPOINT_URL and AWS_DEFAULT_REGION",
        )
    else:
        settings = Settings(
            block=block,
            bucket="storage.s3.bucket" if block == "storage.s3" else "the bucket in the URI",
            endpoint=f"{block}.endpoint",
            region=f"{block}.region",
            certificates=f"{block}.caFile",
            credentials=(
                f"On a cluster, set {block}.credentialsSecretRef; elsewhere, set {variables}, "
                f"AWS_PROFILE or {block}.profile"
            ),
            profile=f"{block}.profile" if s3.profile is not None else "AWS_PROFILE",
            whole=f"the {block} block",
        )
    chosen = chosen_endpoint(s3, settings)
    return replace(settings, endpoint=chosen[0] if chosen else f"{settings.endpoint} (not set)")


def place_of(bucket: str, s3: S3Access, asked: str, region: str | None, settings: Settings) -> Place:
    """`asked`, `region`: what the client has made of the block and its environment."""
    own = chosen_endpoint(s3, settings) is None and _is_aws(asked)
    return Place(bucket, None if own else asked, region, settings)


def chosen_endpoint(s3: S3Access, settings: Settings) -> tuple[str, str] | None:
    """Return the setting that names the server, and its value; None if only a profile or nothing does."""
    if s3.endpoint is not None:
        return f"{settings.block}.endpoint", s3.endpoint
    if os.environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return None
    return next(((name, value) for name in _VARIABLES if (value := os.environ.get(name))), None)


def without_credentials(endpoint: str) -> str:
    """Return a URL that may be shown, without user, password and query."""
    parts = urlsplit(endpoint)
    if not parts.netloc:
        return endpoint.rpartition("@")[2]
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _is_aws(endpoint: str) -> bool:
    return (urlsplit(endpoint).hostname or "").endswith((".amazonaws.com", ".amazonaws.com.cn"))
