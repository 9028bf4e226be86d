"""Presigned requests for objects of a run in a bucket. Signing sends nothing: it is computed from the keys."""

# pyright: reportMissingTypeStubs=false

from typing import Any

from botocore.exceptions import BotoCoreError

from fedtrain.contracts.wire.transfer import SignedRequest, SignedUpload
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.s3_store import S3Store

LIFETIME_SECONDS = 900
"""For this long after it was signed, a request can be used by whoever has it."""


class S3Signer:
    """Signs requests for the objects of one run, by their names in the ledger."""

    def __init__(self, store: S3Store, ledger: Ledger) -> None:
        self._store = store
        self._ledger = ledger

    def get(self, name: str) -> SignedRequest:
        return SignedRequest(url=self._sign("get_object", name))

    def create(self, name: str, size: int) -> SignedUpload:
        """A PUT of exactly `size` bytes that the server refuses if the object exists."""
        url = self._sign("put_object", name, ContentLength=size, IfNoneMatch="*")
        return SignedUpload(url=url, size=size, headers={"If-None-Match": "*"})

    def replace(self, name: str, size: int) -> SignedUpload:
        """A PUT of exactly `size` bytes."""
        return SignedUpload(url=self._sign("put_object", name, ContentLength=size), size=size)

    def part(self, name: str, upload: str, number: int, size: int) -> SignedUpload:
        """A PUT of part `number`, from 1, of exactly `size` bytes."""
        url = self._sign("upload_part", name, ContentLength=size, UploadId=upload, PartNumber=number)
        return SignedUpload(url=url, size=size)

    def parts(self, name: str, upload: str) -> SignedRequest:
        """The list of the parts that the server has."""
        return SignedRequest(url=self._sign("list_parts", name, UploadId=upload))

    def _sign(self, operation: str, name: str, **parameters: Any) -> str:
        """Raises StoreError without credentials."""
        key = self._ledger.key(name)
        parameters |= {"Bucket": self._store.bucket, "Key": self._store.object_key(key)}
        try:
            return self._store.client.generate_presigned_url(operation, Params=parameters, ExpiresIn=LIFETIME_SECONDS)
        except BotoCoreError as error:
            raise self._store.explained(error, key) from error
