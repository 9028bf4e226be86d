"""Presigned requests for objects of a run in a bucket. Signing sends nothing: it is computed from the keys."""

# pyright: reportMissingTypeStubs=false

from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

from botocore.exceptions import BotoCoreError

from fedtrain.contracts.wire.signed_request_lifetime import LIFETIME_SECONDS
from fedtrain.contracts.wire.transfer import SignedHeader, SignedRequest, SignedUpload
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.s3_signature import utc_now
from fedtrain.ledger.s3_store import S3Store


class S3Signer:
    """Signs requests for the objects of one run, by their names in the ledger. Every method raises StoreError without
    credentials."""

    def __init__(self, store: S3Store, ledger: Ledger, now: Callable[[], datetime] = utc_now) -> None:
        self._store = store
        self._ledger = ledger
        self._now = now

    def get(self, name: str) -> SignedRequest:
        return SignedRequest(url=self._sign("GET", name))

    def create(self, name: str, size: int) -> SignedUpload:
        """A PUT of exactly `size` bytes that the server refuses if the object exists."""
        conditions: dict[SignedHeader, str] = {"if-none-match": "*"}
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
        key = self._store.object_key(self._ledger.key(name))
        try:
            return self._store.signatures.presigned(
                method, key, self._now(), LIFETIME_SECONDS, headers or {}, query or {}
            )
        except BotoCoreError as error:
            raise self._store.explained(error, "") from error


def signer_of(url: str) -> str:
    """Return which server a signed URL is for, and with which access key it was signed."""
    parts = urlsplit(url)
    access_key = parse_qs(parts.query).get("X-Amz-Credential", [""])[0].partition("/")[0]
    return f"{parts.scheme}://{parts.netloc} {access_key}"
