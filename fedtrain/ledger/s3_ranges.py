"""GETs of one object, whole or a range of it, that take little time of the processor.

boto needs more than a millisecond of Python for a request, which threads can't share: it checks parameters, looks up
the endpoint, signs, and parses the answer. Here one signature serves all requests for an object, since servers don't
require `Range` to be signed, and the request goes straight to the HTTP session of the client, with its connections,
timeouts, proxies and certificates. What doesn't succeed at once is left to boto, which repeats and explains it.
"""

# pyright: reportMissingTypeStubs=false, reportPrivateUsage=false

import re
import time
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, HeadersDict
from botocore.exceptions import BotoCoreError

from fedtrain.ledger.s3_signature import Signatures, utc_now

_SIGNED_SECONDS = 60.0
"""Until a request is signed again, with the keys as they are then. Servers accept 15 minutes."""
_WHOLE_CONTENT, _PARTIAL_CONTENT = 200, 206
_TOTAL = re.compile(r"/([0-9]{1,18})$")
_START = re.compile(r"^bytes ([0-9]{1,18})-")


class Stream:
    """The bytes of an answer, from `offset` of the object on. For one thread at a time."""

    def __init__(self, raw: Any, offset: int) -> None:
        self._raw = raw
        self.offset = offset

    def read(self, length: int, buffer: memoryview | None = None) -> memoryview | None:
        """Return the next bytes, in `buffer` if it is given; None if the answer broke off."""
        content = memoryview(bytearray(length)) if buffer is None else buffer[:length]
        answer, done = self._raw._fp, 0  # http.client's, which fills memory that is there; urllib3 makes new memory
        try:
            while done < length and (more := answer.readinto(content[done:])):
                done += more
        except (OSError, HTTPException):
            pass
        if done < length:
            self.close()
            return None
        if answer.isclosed():  # it has been read to its end
            self._raw.release_conn()
        self.offset += length
        return content

    def close(self) -> None:
        """Close the connection, unless the answer has been read to its end."""
        self._raw.close()


class Ranges:
    """Ranges of the object `key`. Safe to use from several threads. Every method raises StoreError without
    credentials."""

    def __init__(self, client: Any, signatures: Signatures, key: str) -> None:
        self._client = client
        self._signatures = signatures
        self._key = key
        self._signed: tuple[float, str, dict[str, str]] | None = None

    def whole(self, most: int | None) -> bytes | None:
        """Return all bytes of the object; None if the server doesn't send them at once, or if there are more than
        `most`."""
        response = self._answer(None)
        if response is None:
            return None
        size = response.headers.get("content-length", "")
        sound = "etag" in response.headers and size.isdecimal() and (most is None or int(size) <= most)
        if not sound:
            response.raw.close()
            return None
        content = Stream(response.raw, 0).read(int(size))
        return bytes(content) if content is not None else None

    def beginning(self, length: int) -> tuple[int, memoryview] | None:
        """Return the size of the object and its first bytes, up to `length`; None if the server doesn't send them at
        once."""
        response = self._answer((0, length))
        if response is None:
            return None
        size = size_in(response.headers) or 0
        stream = _stream(response, 0, min(length, size))
        content = stream.read(min(length, size)) if stream is not None else None
        return (size, content) if content else None

    def get(self, offset: int, length: int, buffer: memoryview | None = None) -> memoryview | None:
        """Return `length` bytes from `offset`, in `buffer` if it is given; None if the server doesn't send them at
        once."""
        stream = self.stream(offset, length)
        return stream.read(length, buffer) if stream is not None else None

    def stream(self, offset: int, length: int) -> Stream | None:
        """Return the answer that has `length` bytes from `offset`; None if the server doesn't send it at once."""
        response = self._answer((offset, length))
        return _stream(response, offset, length) if response is not None else None

    def _answer(self, part: tuple[int, int] | None) -> Any:
        """Return the answer with the bytes of a `part` of the object, (offset, length), or of all; None if there is
        none."""
        try:
            url, signed = self._request()
            headers = HeadersDict(signed if part is None else {**signed, "Range": _range(*part)})
            response = self._client._endpoint.http_session.send(AWSPreparedRequest("GET", url, headers, None, True))
        except BotoCoreError:
            return None
        if response.status_code == (_WHOLE_CONTENT if part is None else _PARTIAL_CONTENT):
            return response
        self._signed = None  # the keys may have expired
        response.raw.close()
        return None

    def _request(self) -> tuple[str, dict[str, str]]:
        """Return the URL and the signed headers."""
        now, signed = time.monotonic(), self._signed
        if signed is None or now - signed[0] > _SIGNED_SECONDS:
            url, headers = self._signatures.get(self._key, utc_now())
            signed = self._signed = now, url, {"User-Agent": "fedtrain", **headers}
        return signed[1:]


def _range(offset: int, length: int) -> str:
    return f"bytes={offset}-{offset + length - 1}"


def size_in(headers: Mapping[str, str]) -> int | None:
    """The size of the object, in an answer that has a range of it; None if the answer doesn't say it."""
    total = _TOTAL.search(headers.get("content-range", ""))
    return int(total[1]) if total is not None else None


def start_in(content_range: str) -> int:
    """The first byte that an answer has, by its header `Content-Range`; 0 if it doesn't say so, since an answer without
    a range has the whole object. A proxy may answer with another range than the one that was asked for."""
    start = _START.search(content_range)
    return int(start[1]) if start is not None else 0


def _stream(response: Any, offset: int, length: int) -> Stream | None:
    headers = response.headers
    if headers.get("content-length") == str(length) and start_in(headers.get("content-range", "")) == offset:
        return Stream(response.raw, offset)
    response.raw.close()
    return None
