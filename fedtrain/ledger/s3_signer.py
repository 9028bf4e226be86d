"""Presigned requests for objects of a run in a bucket. Signing sends nothing: it is computed from the keys.

boto takes most of a millisecond for each request, and a coordinator signs those of thousands of tasks, so the signature
(AWS Signature Version 4, in the query) is computed here. boto says once what the bucket's URL and region are.
"""

# pyright: reportMissingTypeStubs=false, reportPrivateUsage=false

import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from botocore.exceptions import BotoCoreError

from fedtrain.contracts.wire.signed_request_lifetime import LIFETIME_SECONDS
from fedtrain.contracts.wire.transfer import SignedRequest, SignedUpload
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.s3_store import S3Store
from fedtrain.ledger.store import StoreRefused

_PORTS = {"http": 80, "https": 443}
_UNRESERVED = "-_.~"


def _now() -> datetime:
    return datetime.now(UTC)


class S3Signer:
    """Signs requests for the objects of one run, by their names in the ledger. Every method raises StoreError without
    credentials."""

    def __init__(self, store: S3Store, ledger: Ledger, now: Callable[[], datetime] = _now) -> None:
        self._store = store
        self._ledger = ledger
        self._now = now
        self._bucket: tuple[str, str] | None = None

    def get(self, name: str) -> SignedRequest:
        return SignedRequest(url=self._sign("GET", name))

    def create(self, name: str, size: int) -> SignedUpload:
        """A PUT of exactly `size` bytes that the server refuses if the object exists."""
        conditions = {"if-none-match": "*"}
        url = self._sign("PUT", name, {"content-length": str(size)} | conditions)
        return SignedUpload(url=url, size=size, headers=conditions)

    def part(self, name: str, upload: str, number: int, size: int) -> SignedUpload:
        """A PUT of part `number`, from 1, of exactly `size` bytes."""
        query = {"partNumber": str(number), "uploadId": upload}
        return SignedUpload(url=self._sign("PUT", name, {"content-length": str(size)}, query), size=size)

    def parts(self, name: str, upload: str) -> SignedRequest:
        """The list of the parts that the server has."""
        return SignedRequest(url=self._sign("GET", name, {}, {"uploadId": upload}))

    def _sign(
        self, method: str, name: str, headers: Mapping[str, str] | None = None, query: Mapping[str, str] | None = None
    ) -> str:
        base, region = self._bucket = self._bucket or self._place()
        keys, now = self._keys(), self._now()
        parts = urlsplit(base)
        path = parts.path + quote(self._store.object_key(self._ledger.key(name)), safe=f"/{_UNRESERVED}")
        signed = {"host": _host(parts.scheme, parts.netloc), **(headers or {})}
        names = ";".join(sorted(signed))
        day, second = f"{now:%Y%m%d}", f"{now:%Y%m%dT%H%M%SZ}"
        scope = f"{day}/{region}/s3/aws4_request"
        parameters = {
            **(query or {}),
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{keys.access_key}/{scope}",
            "X-Amz-Date": second,
            "X-Amz-Expires": str(LIFETIME_SECONDS),
            "X-Amz-SignedHeaders": names,
        }
        if keys.token:
            parameters["X-Amz-Security-Token"] = keys.token
        encoded = "&".join(f"{_quoted(name)}={_quoted(parameters[name])}" for name in sorted(parameters))
        fields = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
        request = "\n".join((method, path, encoded, fields, names, "UNSIGNED-PAYLOAD"))
        hashed = hashlib.sha256(request.encode()).hexdigest()
        text = "\n".join(("AWS4-HMAC-SHA256", second, scope, hashed))
        signature = hmac.new(_key(keys.secret_key, day, region), text.encode(), "sha256").hexdigest()
        return f"{parts.scheme}://{parts.netloc}{path}?{encoded}&X-Amz-Signature={signature}"

    def _place(self) -> tuple[str, str]:
        """Return the URL of the bucket, with a `/` at its end, and the region of its signatures."""
        try:
            sample: str = self._store.client.generate_presigned_url(
                "get_object", Params={"Bucket": self._store.bucket, "Key": "k"}
            )
        except BotoCoreError as error:
            raise self._store.explained(error, "") from error
        url, _, query = sample.partition("?")
        return url.removesuffix("k"), parse_qs(query)["X-Amz-Credential"][0].split("/")[-3]

    def _keys(self) -> Any:
        """Return the keys as they are now."""
        credentials = self._store.client._get_credentials()
        if credentials is None:
            raise StoreRefused(f"No credentials to sign requests for {self._store.url}.")
        return credentials.get_frozen_credentials()


def signer_of(url: str) -> str:
    """Return which server a signed URL is for, and with which access key it was signed."""
    parts = urlsplit(url)
    access_key = parse_qs(parts.query).get("X-Amz-Credential", [""])[0].partition("/")[0]
    return f"{parts.scheme}://{parts.netloc} {access_key}"


@lru_cache(maxsize=64)
def _key(secret: str, day: str, region: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), "sha256").digest()
    return key


def _host(scheme: str, netloc: str) -> str:
    """The header that clients send: without the scheme's own port."""
    host = netloc.rpartition("@")[2]
    return host.removesuffix(f":{_PORTS.get(scheme, 0)}")


def _quoted(text: str) -> str:
    return quote(text, safe=_UNRESERVED)
