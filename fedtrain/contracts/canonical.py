"""Canonical bytes of a record and their digest.

UTF-8 JSON, keys sorted, no white space, unset (None) fields left out, floats in Python's shortest form that reads
back the same; NaN and infinities are refused. Equal records give equal bytes, so a digest names a record.
"""

import json

from blake3 import blake3

from fedtrain.contracts.records import Digest, Record


def canonical(record: Record) -> bytes:
    """Raises ValueError on NaN and infinities."""
    plain = record.model_dump(mode="json", by_alias=True, exclude_none=True)
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def digest_bytes(content: bytes) -> Digest:
    return f"blake3:{blake3(content).hexdigest()}"


def digest_of(record: Record) -> Digest:
    return digest_bytes(canonical(record))
