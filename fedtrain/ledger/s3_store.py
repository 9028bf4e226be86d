"""The ledger in an S3-compatible bucket.

An object is created with a conditional PUT (`If-None-Match: *`): 412 says that another writer was first, 409 that the
server could not tell and wants the request again. A reply may get lost after the write went through; the repeated
request then meets its own object with a 412, so after a repetition an object of equal bytes counts as won.
"""

# pyright: reportMissingTypeStubs=false

import random
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from fedtrain.api.storage import S3
from fedtrain.ledger import s3_upload
from fedtrain.ledger.keys import check_key
from fedtrain.ledger.s3_client import Patience, connect
from fedtrain.ledger.s3_credentials import Credentials, mounted
from fedtrain.ledger.s3_errors import (
    CONFLICT,
    GONE,
    NO_UPLOAD,
    TAKEN,
    code_of,
    explain,
    no_copies,
    no_s3,
    was_retried,
)
from fedtrain.ledger.s3_place import place_of, settings_of
from fedtrain.ledger.s3_ranges import Ranges, start_in
from fedtrain.ledger.s3_reader import AHEAD, RangedReader
from fedtrain.ledger.s3_signature import Signatures
from fedtrain.ledger.store import ObjectMissing, ObjectReader, StoreError, StoreUnavailable, check_size

ERRORS = (BotoCoreError, ClientError, HTTPError, RecursionError)
"""What a request or the reading of its body may raise."""

_DELETED_AT_ONCE = 1000
_COMPARED = 8 * 1024 * 1024


class S3Store:
    """An ObjectStore in a bucket, below `s3.prefix`. `multipart` are the bytes above which an object is uploaded in
    parts. `credentials`: those of the mounted Secret or the environment by default. `by_address`, for messages: the
    user named a bucket and no file. Raises StoreError for an invalid block."""

    def __init__(
        self,
        s3: S3,
        *,
        patience: Patience | None = None,
        multipart: int = s3_upload.MULTIPART,
        credentials: Credentials | None = None,
        by_address: bool = False,
    ) -> None:
        self._patience = patience or Patience()
        settings = settings_of(s3, None if by_address else "storage.s3")
        self.client = connect(s3, self._patience, credentials or mounted("ledger"), settings)
        self.bucket = s3.bucket
        self._place = place_of(s3.bucket, s3, self.client.meta.endpoint_url, self.client.meta.region_name, settings)
        self._prefix = f"{s3.prefix.strip('/')}/" if s3.prefix and s3.prefix.strip("/") else ""
        self._multipart = multipart
        self._bucket_seen = False
        self._answers = False
        self.url = f"s3://{s3.bucket}/{self._prefix}".rstrip("/")
        self.signatures = Signatures(self.client, s3.bucket, self.url)

    def get(self, key: str, most: int | None = None) -> bytes:
        # boto, which repeats and explains, reads the first object: a server that hangs is not waited for twice.
        if self._answers and (found := Ranges(self.client, self.signatures, self.object_key(key)).whole(most)):
            return found
        return self._answer(key, most)[1]

    def size(self, key: str) -> int | None:
        try:
            return self._length(self._head(key), key)
        except ObjectMissing:
            return None

    def modified(self, key: str) -> float | None:
        try:
            written = self._head(key).get("LastModified")
        except ObjectMissing:
            return None
        return written.timestamp() if written is not None else None

    def open(self, key: str) -> ObjectReader:
        ranges = Ranges(self.client, self.signatures, self.object_key(key))

        def fetch(offset: int, length: int, buffer: memoryview | None) -> bytes | memoryview:
            content = ranges.get(offset, length, buffer)
            return content if content is not None else self._range(key, offset, length)

        size, beginning = ranges.beginning(AHEAD) or (self._length(self._head(key), key), b"")
        return RangedReader(f"{self.url}/{key}", size, fetch, ranges.stream, beginning)

    def file(self, key: str) -> Path | None:
        return None

    @contextmanager
    def draft(self) -> Generator[Path]:
        with NamedTemporaryFile(prefix="fedtrain-") as file:
            yield Path(file.name)

    def create(self, key: str, content: bytes | Path) -> bool:
        size = len(content) if isinstance(content, bytes) else content.stat().st_size
        large = isinstance(content, Path) and size > self._multipart
        if large and self.size(key) is not None:  # spares the upload; the condition below is what decides
            return False
        attempt = 0
        while True:
            try:
                self._put(key, content, size, large)
                return True
            except ERRORS as error:
                code = code_of(error)
                repeated = attempt > 0 or was_retried(error)
                if repeated and code in (*TAKEN, *NO_UPLOAD) and self._holds(key, content, size):
                    return True
                if code in TAKEN:
                    return False
                if code not in (*CONFLICT, *NO_UPLOAD) or attempt + 1 >= self._patience.attempts:
                    raise self.explained(error, key) from error
            _back_off(attempt)
            attempt += 1

    def replace(self, key: str, content: bytes | Path) -> None:
        try:
            with s3_upload.body(content) as stream:
                self.client.put_object(Bucket=self.bucket, Key=self.object_key(key), Body=stream)
        except ERRORS as error:
            raise self.explained(error, key) from error

    def copy(self, key: str, target: str) -> None:
        """Copy an object within the bucket, at the server, over the existing one. Servers refuse to copy more than 5
        GB at once."""
        source = {"Bucket": self.bucket, "Key": self.object_key(key)}
        try:
            reply = self.client.copy_object(Bucket=self.bucket, Key=self.object_key(target), CopySource=source)
        except ERRORS as error:
            raise self.explained(error, key) from error
        if not reply.get("CopyObjectResult"):  # the server has written an empty object instead
            raise no_copies(self._place, self._prefix + key)

    def keys(self, prefix: str) -> Iterator[str]:
        for key in self._listed(prefix):
            if not key.endswith("/"):  # a folder that a browser of buckets has made
                yield key.removeprefix(self._prefix)

    def _listed(self, prefix: str) -> Iterator[str]:
        """Yield all keys of the bucket that begin so, with the store's own prefix: other programs may have written
        some that no store writes."""
        after: dict[str, str] = {}
        while True:  # a paginator of boto takes longer to make than a request
            try:
                page = self.client.list_objects_v2(Bucket=self.bucket, Prefix=self._prefix + prefix, **after)
            except ERRORS as error:
                raise self.explained(error, prefix) from error
            if "IsTruncated" not in page:
                raise no_s3(self._place, self._prefix + prefix)
            for entry in page.get("Contents", ()):
                yield entry["Key"]
            if not page["IsTruncated"] or "NextContinuationToken" not in page:
                return
            after = {"ContinuationToken": page["NextContinuationToken"]}

    def delete(self, prefix: str) -> None:
        path = check_key(prefix.rstrip("/"))
        found = [self.object_key(path), *self._listed(f"{path}/")]
        for start in range(0, len(found), _DELETED_AT_ONCE):
            objects = [{"Key": key} for key in found[start : start + _DELETED_AT_ONCE]]
            try:
                reply = self.client.delete_objects(Bucket=self.bucket, Delete={"Objects": objects, "Quiet": True})
            except ERRORS as error:
                raise self.explained(error, prefix) from error
            for refused in reply.get("Errors", ()):
                raise StoreError(f"{self._place}, key {refused.get('Key')!r} can't be deleted ({refused.get('Code')}).")

    def object_key(self, key: str) -> str:
        return self._prefix + check_key(key)

    def _put(self, key: str, content: bytes | Path, size: int, large: bool) -> None:
        """One conditional write. Raises ERRORS, StoreError."""
        if large and isinstance(content, Path):
            s3_upload.in_parts(self.client, self.bucket, self.object_key(key), content, size)
            return
        with s3_upload.body(content) as stream:
            reply = self.client.put_object(Bucket=self.bucket, Key=self.object_key(key), Body=stream, IfNoneMatch="*")
        self._check_answer(reply, key)

    def _check_answer(self, reply: dict[str, Any], key: str) -> None:
        """S3 answers about objects with an ETag; a web server may say 200 to everything."""
        if not reply.get("ETag"):
            raise no_s3(self._place, self._prefix + key)

    def _length(self, reply: dict[str, Any], key: str) -> int:
        """Raises StoreError if the answer doesn't say how many bytes it has: it might break off unnoticed."""
        if "ContentLength" not in reply:
            problem = "the answer has no Content-Length. Let proxies before the store pass on its answers unchanged"
            raise StoreError(f"{self._place}, key {self.object_key(key)!r}: {problem}.")
        return int(reply["ContentLength"])

    def _range(self, key: str, offset: int, length: int) -> bytes:
        for attempt in range(self._patience.attempts):
            if attempt:
                _back_off(attempt - 1)
            reply, content = self._answer(key, None, Range=f"bytes={offset}-{offset + length - 1}")
            if len(content) != length:
                received = f"received {len(content)} bytes instead of {length} from byte {offset}"
                raise StoreError(f"{self._place}, key {self.object_key(key)!r}: {received}.")
            if start_in(reply.get("ContentRange", "")) == offset:
                return content
        problem = f"the server keeps sending other bytes than those from byte {offset}"
        raise StoreUnavailable(f"{self._place}, key {self.object_key(key)!r}: {problem}.")

    def _answer(self, key: str, most: int | None, **request: str) -> tuple[dict[str, Any], bytes]:
        """The answer to a GET and its bytes. boto repeats a request that fails, but not one whose body breaks off."""
        attempt = 0
        while True:
            try:
                reply: dict[str, Any] = self.client.get_object(Bucket=self.bucket, Key=self.object_key(key), **request)
            except ERRORS as error:
                raise self.explained(error, key) from error
            self._check_answer(reply, key)
            self._answers = True
            check_size(key, self._length(reply, key), most)
            try:
                return reply, bytes(reply["Body"].read())
            except ERRORS as error:
                if attempt + 1 >= self._patience.attempts:
                    raise StoreUnavailable(
                        f"{self._place}, key {self.object_key(key)!r}: the answer keeps breaking off."
                    ) from error
            _back_off(attempt)
            attempt += 1

    def _head(self, key: str) -> dict[str, Any]:
        try:
            reply: dict[str, Any] = self._head_object(key)
        except ERRORS as error:
            raise self.explained(error, key) from error
        self._check_answer(reply, key)
        return reply

    def explained(self, error: Exception, key: str) -> StoreError:
        """The StoreError that names the object as the bucket knows it."""
        return explain(error, self._place, self._prefix + key)

    def _head_object(self, key: str) -> Any:
        """Return the answer to a HEAD. It has no body, so an error does not tell a missing bucket from a missing
        object, nor a wrong or expired key from a missing right: a listing does, and renews expired keys. Raises
        ERRORS."""
        try:
            return self.client.head_object(Bucket=self.bucket, Key=self.object_key(key))
        except ERRORS as error:
            code = code_of(error)
            if code[:1] not in ("3", "4") or (code in GONE and self._bucket_seen):
                raise
            self.client.list_objects_v2(Bucket=self.bucket, Prefix=self._prefix, MaxKeys=1)
            self._bucket_seen = True
            if code in GONE:
                raise
        return self.client.head_object(Bucket=self.bucket, Key=self.object_key(key))

    def _holds(self, key: str, content: bytes | Path, size: int) -> bool:
        """Whether the object's bytes are `content`."""
        try:
            reader = self.open(key)
        except ObjectMissing:
            return False
        if reader.size != size:
            return False
        with s3_upload.body(content) as stream:
            offsets = range(0, size, _COMPARED)
            return all(reader.read(at, min(_COMPARED, size - at)) == stream.read(_COMPARED) for at in offsets)


def _back_off(attempt: int) -> None:
    time.sleep(random.uniform(0, min(5.0, 0.1 * 2**attempt)))
