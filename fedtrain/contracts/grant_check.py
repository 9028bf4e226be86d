"""Whether signed requests go to the store that a task names, which the participant's policy has allowed. Pure."""

import re
from urllib.parse import SplitResult, unquote, urlsplit

from fedtrain.api.storage import S3
from fedtrain.contracts.wire.transfer import TransferGrant

_AWS = re.compile(
    r"((s3|s3-fips)(\.dualstack)?(\.[a-z]+(-[a-z]+)+-\d+)?|s3-accelerate(\.dualstack)?)\.amazonaws\.com(\.cn)?"
)
"""Servers of AWS S3. Other names below amazonaws.com are buckets and services of any customer."""


def foreign_server(grant: TransferGrant, s3: S3) -> str | None:
    """Return the server of a request that does not go to the bucket; None if all do."""
    for request in grant.requests():
        try:
            url = urlsplit(request.url)
            if not _is_within(url, s3):
                return f"{url.scheme}://{url.netloc.rpartition('@')[2]}"
        except ValueError:
            return "an invalid URL"
    return None


def foreign_words(server: str) -> str:
    """Return what is wrong with requests to a foreign server, as a sentence without its end."""
    return f"the hub has signed requests to {server}, which is not the store that the task names"


def _is_within(url: SplitResult, s3: S3) -> bool:
    if {".", ".."} & set(unquote(url.path).split("/")):  # clients and servers resolve them
        return False
    in_path = f"/{s3.bucket}/"
    if s3.endpoint is None:
        host = url.netloc.lower()
        if url.scheme != "https":
            return False
        if _AWS.fullmatch(host):
            return url.path.startswith(in_path)
        return _AWS.fullmatch(host.removeprefix(f"{s3.bucket}.")) is not None
    server = urlsplit(s3.endpoint)
    if url.scheme != server.scheme.lower():
        return False
    netloc, folder = server.netloc.lower(), server.path.rstrip("/")
    if url.netloc.lower() == netloc:
        return url.path.startswith(f"{folder}{in_path}")
    return url.netloc.lower() == f"{s3.bucket}.{netloc}".lower() and url.path.startswith(f"{folder}/")
