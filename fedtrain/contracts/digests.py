"""BLAKE3 digests of bytes, files and objects, written `blake3:<64 hex digits>`; `b3sum FILE` prints the same digits. A
user may name a file by its SHA-256 digest instead."""

import hashlib
from pathlib import Path
from typing import Protocol

from blake3 import blake3

from fedtrain.contracts.record_fields import Digest

BLOCK = 8 * 1024 * 1024
"""Bytes hashed at a time: many enough for BLAKE3's tree to use all threads, few enough to bound memory."""


class Source(Protocol):
    """What can be read by range; `fedtrain.ledger.store.ObjectReader` is one."""

    size: int

    def read(self, offset: int, length: int) -> bytes | memoryview: ...


def hasher() -> blake3:
    """A BLAKE3 state that uses all cores for large inputs."""
    return blake3(max_threads=blake3.AUTO)


def written(state: blake3) -> Digest:
    """The digest of what `state` has seen."""
    return f"blake3:{state.hexdigest()}"


def digest_bytes(content: bytes | memoryview) -> Digest:
    return written(blake3(content))


def digest_file(path: Path) -> Digest:
    """Digest of a file, memory-mapped. Raises OSError."""
    return written(hasher().update_mmap(path))


def digest_file_like(path: Path, digest: str) -> str:
    """Digest of a file, by the algorithm of `digest`: `blake3:...` or `sha256:...`. Raises OSError."""
    if digest.startswith("blake3:"):
        return digest_file(path)
    with path.open("rb") as content:
        return f"sha256:{hashlib.file_digest(content, 'sha256').hexdigest()}"


def digest_reader(source: Source) -> Digest:
    """Digest of all of `source`, holding one block at a time."""
    state = hasher()
    for offset in range(0, source.size, BLOCK):
        state.update(source.read(offset, min(BLOCK, source.size - offset)))
    return written(state)
