"""A store of the ledger in memory."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from fedtrain.ledger.store import ObjectMissing, ObjectReader, check_size


class BytesReader:
    """An ObjectReader of bytes."""

    def __init__(self, content: bytes) -> None:
        self.size = len(content)
        self._content = content

    def read(self, offset: int, length: int, buffer: memoryview | None = None) -> bytes:
        return self._content[offset : offset + length]

    def stream(self, offset: int) -> None:
        pass

    def release(self) -> None:
        pass

    def close(self) -> None:
        """Holds nothing."""


class MemoryStore:
    """An ObjectStore in a dict."""

    url = "memory://store"

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def get(self, key: str, most: int | None = None) -> bytes:
        if key not in self.objects:
            raise ObjectMissing(key)
        check_size(key, len(self.objects[key]), most)
        return self.objects[key]

    def size(self, key: str) -> int | None:
        return len(self.objects[key]) if key in self.objects else None

    def modified(self, key: str) -> float | None:
        return 0.0 if key in self.objects else None

    def open(self, key: str) -> ObjectReader:
        return BytesReader(self.get(key))

    def file(self, key: str) -> None:
        return None

    def draft(self) -> AbstractContextManager[Path]:
        raise NotImplementedError("records need no drafts")

    def create(self, key: str, content: bytes | Path) -> bool:
        assert isinstance(content, bytes)
        if key in self.objects:
            return False
        self.objects[key] = content
        return True

    def replace(self, key: str, content: bytes | Path) -> None:
        assert isinstance(content, bytes)
        self.objects[key] = content

    def keys(self, prefix: str) -> Iterator[str]:
        return iter(sorted(key for key in self.objects if key.startswith(prefix)))

    def delete(self, prefix: str) -> None:
        for key in list(self.keys(prefix)):
            del self.objects[key]
