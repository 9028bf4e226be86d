"""Layers as buildah stores them: a folder of files, and a list of what a tar has between those files.

Reading one takes no longer than its bytes do. `buildah push` would write all layers of an image, the gigabytes below
the few that have changed too.
"""

import base64
import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from typing_extensions import Buffer

BLOCK = 2**20
FILE = 1
"""What tar-split calls an entry that names a file; the others are bytes, such as headers."""


def open_layer(storage: Path, digest: str) -> IO[bytes]:
    """The layer's tar, bit by bit what its digest is of."""
    layers = json.loads((storage / "overlay-layers" / "layers.json").read_text())
    name = next(layer["id"] for layer in layers if layer.get("diff-digest") == digest)
    split = storage / "overlay-layers" / f"{name}.tar-split.gz"
    return io.BufferedReader(_Chunks(_read(split, storage / "overlay" / name / "diff")), BLOCK)


def _read(split: Path, files: Path) -> Iterator[bytes]:
    with gzip.open(split, "rt") as entries:
        for line in entries:
            entry = json.loads(line)
            if entry["type"] != FILE:
                yield base64.b64decode(entry["payload"] or "")
            elif entry.get("size"):
                with (files / entry["name"]).open("rb") as file:
                    while chunk := file.read(BLOCK):
                        yield chunk


class _Chunks(io.RawIOBase):
    """What an iterator yields, as a file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        target = memoryview(buffer)
        while not self._left:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._left = memoryview(chunk)
        count = min(len(target), len(self._left))
        target[:count] = self._left[:count]
        self._left = self._left[count:]
        return count
