"""Signatures of requests to a bucket (AWS Signature Version 4), computed here: boto takes most of a millisecond for
each. boto says once what the bucket's URL and region are. Nothing is sent."""

# pyright: reportMissingTypeStubs=false, reportPrivateUsage=false

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from fedtrain.ledger.store import StoreRefused

_PORTS = {"http": 80, "https": 443}
_UNRESERVED = "-_.~"
_ALGORITHM = "AWS4-HMAC-SHA256"
_NO_BODY = hashlib.sha256(b"").hexdigest()


def utc_now() -> datetime:
    return datetime.now(UTC)


class Signatures:
    """Signs requests for the objects of one bucket with the current keys of its client. `url` names the store in
    messages. Every method raises StoreRefused without credentials, and BotoCoreError."""

    def __init__(self, client: Any, bucket: str, url: str) -> None:
        self._client = client
        self._bucket = bucket
        self._url = url
        self._known: tuple[str, str] | None = None

    def presigned(
        self, method: str, key: str, now: datetime, seconds: int, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> str:
        """Return a URL that is signed for `seconds`, with these `headers` and `query`."""
        base, region = self._place()
        keys, path = self._keys(), _path(base, key)
        signed = {"host": _host(base), **headers}
        parameters = {
            **query,
            "X-Amz-Algorithm": _ALGORITHM,
            "X-Amz-Credential": f"{keys.access_key}/{_scope(now, region)}",
            "X-Amz-Date": _second(now),
            "X-Amz-Expires": str(seconds),
            "X-Amz-SignedHeaders": _names(signed),
        }
        if keys.token:
            parameters["X-Amz-Security-Token"] = keys.token
        encoded = "&".join(f"{_quoted(name)}={_quoted(parameters[name])}" for name in sorted(parameters))
        signature = _signature(keys.secret_key, now, region, (method, path, encoded), signed, "UNSIGNED-PAYLOAD")
        return f"{_origin(base)}{path}?{encoded}&X-Amz-Signature={signature}"

    def get(self, key: str, now: datetime) -> tuple[str, dict[str, str]]:
        """Return the URL and the headers of a GET. Servers accept them for 15 minutes, with any `Range`."""
        base, region = self._place()
        keys, path = self._keys(), _path(base, key)
        headers = {"X-Amz-Content-SHA256": _NO_BODY, "X-Amz-Date": _second(now)}
        if keys.token:
            headers["X-Amz-Security-Token"] = keys.token
        signed = {"host": _host(base), **{name.lower(): value for name, value in headers.items()}}
        signature = _signature(keys.secret_key, now, region, ("GET", path, ""), signed, _NO_BODY)
        headers["Authorization"] = (
            f"{_ALGORITHM} Credential={keys.access_key}/{_scope(now, region)}, SignedHeaders={_names(signed)}, "
            f"Signature={signature}"
        )
        return f"{_origin(base)}{path}", headers

    def _place(self) -> tuple[str, str]:
        """Return the URL of the bucket, with a `/` at its end, and the region of its signatures."""
        if self._known is None:
            sample: str = self._client.generate_presigned_url("get_object", Params={"Bucket": self._bucket, "Key": "k"})
            url, _, query = sample.partition("?")
            self._known = url.removesuffix("k"), parse_qs(query)["X-Amz-Credential"][0].split("/")[-3]
        return self._known

    def _keys(self) -> Any:
        """Return the keys as they are now."""
        credentials = self._client._get_credentials()
        if credentials is None:
            raise StoreRefused(f"No credentials to sign requests for {self._url}.")
        return credentials.get_frozen_credentials()


def _signature(
    secret: str, now: datetime, region: str, request: tuple[str, str, str], signed: Mapping[str, str], payload: str
) -> str:
    """The signature of a `request` (method, path, query) with the headers `signed`."""
    fields = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
    hashed = hashlib.sha256("\n".join((*request, fields, _names(signed), payload)).encode()).hexdigest()
    text = "\n".join((_ALGORITHM, _second(now), _scope(now, region), hashed))
    return hmac.new(_key(secret, f"{now:%Y%m%d}", region), text.encode(), "sha256").hexdigest()


@lru_cache(maxsize=64)
def _key(secret: str, day: str, region: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), "sha256").digest()
    return key


def _scope(now: datetime, region: str) -> str:
    return f"{now:%Y%m%d}/{region}/s3/aws4_request"


def _second(now: datetime) -> str:
    return f"{now:%Y%m%dT%H%M%SZ}"


def _names(signed: Mapping[str, str]) -> str:
    return ";".join(sorted(signed))


def _origin(base: str) -> str:
    parts = urlsplit(base)
    return f"{parts.scheme}://{parts.netloc}"


def _path(base: str, key: str) -> str:
    return urlsplit(base).path + quote(key, safe=f"/{_UNRESERVED}")


def _host(base: str) -> str:
    """The header that clients send: without the scheme's own port."""
    parts = urlsplit(base)
    return parts.netloc.rpartition("@")[2].removesuffix(f":{_PORTS.get(parts.scheme, 0)}")


def _quoted(text: str) -> str:
    return quote(text, safe=_UNRESERVED)
