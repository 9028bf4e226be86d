"""Where a bucket's requests go, for messages: the server that is asked, and what the user sets to ask another."""

import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from fedtrain.api.storage import S3

_VARIABLES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
"""In boto's order."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to call what may be wrong. A run that is named by its address has no file: there it is the environment."""

    bucket: str
    endpoint: str
    region: str
    certificates: str
    whole: str


@dataclass(frozen=True)
class Place:
    """`endpoint` is that of the client, wherever it comes from; None for AWS's own."""

    bucket: str
    endpoint: str | None
    region: str | None
    settings: Settings

    def __str__(self) -> str:
        server = without_credentials(self.endpoint) if self.endpoint else f"AWS S3 ({self.region})"
        return f"bucket {self.bucket!r} at {server}"


def settings_of(s3: S3, by_address: bool) -> Settings:
    """`by_address`: the run is named as s3://bucket/..., and not by a file with a storage block."""
    chosen = chosen_endpoint(s3)
    unset = f"{'AWS_ENDPOINT_URL' if by_address else 'storage.s3.endpoint'} (not set)"
    return Settings(
        bucket="the bucket in the run's address" if by_address else "storage.s3.bucket",
        endpoint=chosen[0] if chosen else unset,
        region="AWS_DEFAULT_REGION" if by_address else "storage.s3.region",
        certificates="AWS_CA_BUNDLE" if by_address else "storage.s3.caFile",
        whole="AWS_ENDPOINT_URL and AWS_DEFAULT_REGION" if by_address else "the storage.s3 block",
    )


def place_of(s3: S3, asked: str, region: str | None, settings: Settings) -> Place:
    """`asked`, `region`: what the client has made of the block and its environment."""
    own = chosen_endpoint(s3) is None and _is_aws(asked)
    return Place(s3.bucket, None if own else asked, region, settings)


def chosen_endpoint(s3: S3) -> tuple[str, str] | None:
    """Which setting names the server, and what it says. None: nobody does, but for a profile."""
    if s3.endpoint is not None:
        return "storage.s3.endpoint", s3.endpoint
    if os.environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return None
    return next(((name, value) for name in _VARIABLES if (value := os.environ.get(name))), None)


def without_credentials(endpoint: str) -> str:
    """A URL as it may be shown: no user, no password, no query."""
    parts = urlsplit(endpoint)
    if not parts.netloc:
        return endpoint.rpartition("@")[2]
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _is_aws(endpoint: str) -> bool:
    return (urlsplit(endpoint).hostname or "").endswith((".amazonaws.com", ".amazonaws.com.cn"))
