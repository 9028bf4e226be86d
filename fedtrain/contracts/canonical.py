"""The canonical bytes of a record: equal records have equal bytes and digests.

JSON in UTF-8, names in camelCase, keys sorted by code point, no whitespace, no newline at the end; numbers as Python's
`json` writes them (a float has its shortest form that reads back the same, so `1.0`, `0.1`, `1e-05`). Fields of a
record that are None are left out, so that a later version can add optional ones without changing old digests; inside
`run.json`'s `spec`, which is the user's, a null stays. NaN and infinity are refused.
"""

import json

from fedtrain.contracts.digests import digest_bytes
from fedtrain.contracts.record import Record
from fedtrain.contracts.record_fields import Digest


def canonical(record: Record) -> bytes:
    """The bytes of `record`. Raises ValueError naming the record if it holds NaN, infinity, or values JSON lacks."""
    plain = record.model_dump(mode="python", by_alias=True, exclude_none=True)
    try:
        return canonical_json(plain)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{type(record).__name__} of run {record.run_id} can't be written: {error}: {plain}"
        ) from error


def canonical_json(plain: object) -> bytes:
    return json.dumps(plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True).encode()


def digest_of(record: Record) -> Digest:
    """BLAKE3 of the record's bytes in the ledger."""
    return digest_bytes(canonical(record))
