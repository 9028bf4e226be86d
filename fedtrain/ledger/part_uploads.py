"""Uploads in parts by participants: the hub begins them, signs the parts, and puts them together or aborts them.

The id of an upload is claimed in the ledger, so that a coordinator that was killed, or a second one, continues the same
upload.
"""

# pyright: reportMissingTypeStubs=false

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

from fedtrain.contracts import names
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.s3_errors import NO_UPLOAD, TAKEN, code_of
from fedtrain.ledger.s3_store import ERRORS, S3Store
from fedtrain.ledger.store import StoreError

_LONGEST_ID = 4096


class PartUploads:
    """The uploads of one run. Every method may raise StoreError."""

    def __init__(self, store: S3Store, ledger: Ledger, run_id: str) -> None:
        self._store = store
        self._ledger = ledger
        self._run_id = run_id

    def begun(self, name: str) -> str:
        """Return the id of the upload that becomes the object `name`; begin one if there is none."""
        claim = names.part_upload(self._run_id, name)
        if self._ledger.size(claim) is not None:
            return self._id(claim)
        mine = self._call("create_multipart_upload", name)["UploadId"]
        if not self._ledger.store.create(self._ledger.key(claim), mine.encode()):
            self._abort(name, mine)
        return self._id(claim)

    def complete(self, name: str) -> None:
        """Put the parts together, unless that was done or none arrived. Whether they are the whole file is for those
        who read it."""
        upload = self._id(names.part_upload(self._run_id, name))
        parts = self._parts(name, upload)
        if not parts:
            return
        found = {"Parts": [{"PartNumber": one["PartNumber"], "ETag": one["ETag"]} for one in parts]}
        try:
            self._call("complete_multipart_upload", name, UploadId=upload, MultipartUpload=found, IfNoneMatch="*")
        except _Ended:
            return

    def abort(self, name: str) -> None:
        """Delete the parts of an upload that was not put together."""
        self._abort(name, self._id(names.part_upload(self._run_id, name)))

    def _abort(self, name: str, upload: str) -> None:
        with suppress(_Ended):
            self._call("abort_multipart_upload", name, UploadId=upload)

    def _id(self, claim: str) -> str:
        return self._ledger.content(claim, _LONGEST_ID).decode()

    def _parts(self, name: str, upload: str) -> Sequence[Any]:
        """Return the parts that the server has; none of an upload that has ended."""
        found: list[Any] = []
        try:
            while True:
                after = {"PartNumberMarker": found[-1]["PartNumber"]} if found else {}
                page = self._call("list_parts", name, UploadId=upload, **after)
                found += page.get("Parts", ())
                if not page.get("IsTruncated") or not page.get("Parts"):
                    return found
        except _Ended:
            return ()

    def _call(self, operation: str, name: str, **parameters: Any) -> Any:
        """Raises _Ended for an upload that does not exist any more, and for an object that does already."""
        key = self._ledger.key(name)
        request = getattr(self._store.client, operation)
        try:
            return request(Bucket=self._store.bucket, Key=self._store.object_key(key), **parameters)
        except ERRORS as error:
            if isinstance(error, ClientError) and code_of(error) in (*NO_UPLOAD, *TAKEN):
                raise _Ended(str(name)) from error
            raise self._store.explained(error, key) from error


class _Ended(StoreError):
    """The upload was put together or aborted."""
