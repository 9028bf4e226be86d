"""Ranged reads of one object in a bucket."""

from collections.abc import Callable

from fedtrain.ledger.store import StoreError

AHEAD = 4 * 1024 * 1024
"""Bytes fetched at least: the small tensors of an adapter come in one request instead of one each."""


class RangedReader:
    """Reads ahead into one buffer. For one thread. `fetch(offset, length)` does a request."""

    def __init__(self, name: str, size: int, fetch: Callable[[int, int], bytes]) -> None:
        self.size = size
        self._name = name
        self._fetch = fetch
        self._start = 0
        self._buffer = b""

    def read(self, offset: int, length: int) -> bytes | memoryview:
        if offset < 0 or length < 0 or offset + length > self.size:
            raise StoreError(f"{self._name} has {self.size} bytes, so {length} from {offset} can't be read.")
        if not self._start <= offset <= offset + length <= self._start + len(self._buffer):
            self._start = offset
            self._buffer = self._fetch(offset, min(max(length, AHEAD), self.size - offset)) if length else b""
        return memoryview(self._buffer)[offset - self._start : offset - self._start + length]

    def close(self) -> None:
        self._buffer = b""
