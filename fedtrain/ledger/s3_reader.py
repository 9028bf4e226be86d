"""Ranged reads of one object in a bucket."""

from collections.abc import Callable

from fedtrain.ledger.store import StoreError

AHEAD = 256 * 1024
"""Bytes fetched at least: the header of an adapter and its small tensors come in one request instead of one each."""


class RangedReader:
    """Small reads go through one buffer, large ones do not. Safe to use from several threads. `fetch(offset, length)`
    does a request."""

    def __init__(self, name: str, size: int, fetch: Callable[[int, int], bytes]) -> None:
        self.size = size
        self._name = name
        self._fetch = fetch
        self._buffered: tuple[int, bytes] = (0, b"")

    def read(self, offset: int, length: int) -> bytes | memoryview:
        if offset < 0 or length < 0 or offset + length > self.size:
            raise StoreError(f"{self._name} has {self.size} bytes, so {length} from {offset} can't be read.")
        if not length:
            return b""
        start, buffer = self._buffered
        if not start <= offset <= offset + length <= start + len(buffer):
            if length >= AHEAD:
                return self._fetch(offset, length)
            start, buffer = self._buffered = offset, self._fetch(offset, min(AHEAD, self.size - offset))
        return memoryview(buffer)[offset - start : offset - start + length]

    def release(self) -> None:
        self._buffered = (0, b"")

    def close(self) -> None:
        self._buffered = (0, b"")
