"""Ranged reads of one object in a bucket."""

from collections.abc import Callable

from fedtrain.ledger.s3_ranges import Stream
from fedtrain.ledger.store import StoreError

AHEAD = 256 * 1024
"""Bytes fetched at least: the header of an adapter and its small tensors come in one request instead of one each."""


class RangedReader:
    """Small reads go through one buffer, large ones do not. Safe to use from several threads, but for those that
    continue a stream. `fetch(offset, length, buffer)` does a request, into the buffer if there is one;
    `connect(offset, length)` returns its answer unread, or None if the server doesn't send it at once. `beginning`:
    bytes that have come already."""

    def __init__(
        self,
        name: str,
        size: int,
        fetch: Callable[[int, int, memoryview | None], bytes | memoryview],
        connect: Callable[[int, int], Stream | None],
        beginning: bytes | memoryview = b"",
    ) -> None:
        self.size = size
        self._name = name
        self._fetch = fetch
        self._connect = connect
        self._buffered: tuple[int, bytes | memoryview] = (0, beginning)
        self._stream: Stream | None = None

    def read(self, offset: int, length: int, buffer: memoryview | None = None) -> bytes | memoryview:
        if offset < 0 or length < 0 or offset + length > self.size:
            raise StoreError(f"{self._name} has {self.size} bytes, so {length} from {offset} can't be read.")
        if not length:
            return b""
        if self._stream is not None and self._stream.offset == offset:
            return self._continued(self._stream, length, buffer)
        start, held = self._buffered
        if not start <= offset <= offset + length <= start + len(held):
            if length >= AHEAD:
                return self._fetch(offset, length, buffer)
            start, held = self._buffered = offset, self._fetch(offset, min(AHEAD, self.size - offset), None)
        return memoryview(held)[offset - start : offset - start + length]

    def stream(self, offset: int) -> None:
        if self._stream is not None:
            self._stream.close()
        start, held = self._buffered
        whole = start <= offset and start + len(held) == self.size
        self._stream = self._connect(offset, self.size - offset) if offset < self.size and not whole else None

    def release(self) -> None:
        self._buffered = (0, b"")

    def close(self) -> None:
        self._buffered = (0, b"")
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _continued(self, stream: Stream, length: int, buffer: memoryview | None) -> bytes | memoryview:
        """The next bytes of the stream. One that broke off is replaced once a request has succeeded."""
        offset = stream.offset
        content = stream.read(length, buffer)
        if content is not None:
            return content
        fetched = self._fetch(offset, length, buffer)
        self.stream(offset + length)
        return fetched
