"""Uploading to a bucket: the body of one request, or parts that become an object all at once."""

# pyright: reportMissingTypeStubs=false

import io
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from botocore.exceptions import BotoCoreError, ClientError

MULTIPART = 64 * 1024 * 1024
"""Bytes above which an object is uploaded in parts; one request can carry 5 GB at most, and fails as a whole."""

_PART = 16 * 1024 * 1024
_MOST_PARTS = 10_000
_AT_ONCE = 4


def body(content: bytes | Path) -> BinaryIO:
    """The content as a stream that boto can rewind. OSError of the caller's own file stays what it is."""
    return io.BytesIO(content) if isinstance(content, bytes) else content.open("rb")


def in_parts(client: Any, bucket: str, key: str, path: Path, size: int) -> None:
    """Uploads a file in parts; the object appears whole with the last request, which is conditional. Memory: a few
    parts. Raises what boto raises; parts that were uploaded in vain are deleted."""
    upload = client.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    step = max(_PART, -(-size // _MOST_PARTS))

    def send(number: int) -> dict[str, Any]:
        with path.open("rb") as file:
            file.seek((number - 1) * step)
            reply = client.upload_part(
                Bucket=bucket, Key=key, UploadId=upload, PartNumber=number, Body=io.BytesIO(file.read(step))
            )
        return {"PartNumber": number, "ETag": reply["ETag"]}

    try:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            parts = list(pool.map(send, range(1, -(-size // step) + 1)))
        client.complete_multipart_upload(
            Bucket=bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts}, IfNoneMatch="*"
        )
    except BaseException:
        with suppress(BotoCoreError, ClientError):
            client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)
        raise
