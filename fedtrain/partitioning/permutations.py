"""Seeded permutations that are the same on every platform and with every library version.

The keys of the rows are the extended output of BLAKE3 over a message that identifies the permutation; the
permutation is the stable order of these keys:

    message = for each of ("fedtrain/permutation/1", purpose, seed, participant, pass):
                  its length in bytes (64 bits, little-endian), its UTF-8 text (numbers in decimal)
    key[i]  = bytes 8i .. 8i+7 of BLAKE3-XOF(message) as an unsigned little-endian integer
    order   = row numbers sorted by key, equal keys by row number

Length prefixes keep ("a", "bc") and ("ab", "c") apart. Worked example (a test pins it): purpose `pass`, seed 17,
participant `bank-a`, pass 0, 8 rows gives 3 0 1 6 2 7 5 4.
"""

from typing import Literal

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Purpose = Literal["validation", "pass", "deal"]

_DOMAIN = "fedtrain/permutation/1"


def seeded_bytes(purpose: Purpose, seed: int, participant: str, number: int, length: int) -> bytes:
    """Return `length` bytes of the extended output for this purpose, seed, participant and pass number."""
    hasher = blake3()
    for field in (_DOMAIN, purpose, str(seed), participant, str(number)):
        text = field.encode()
        hasher.update(len(text).to_bytes(8, "little"))
        hasher.update(text)
    return hasher.digest(length=length)


def permutation(rows: int, purpose: Purpose, seed: int, participant: str, number: int = 0) -> Rows:
    """Return the row numbers 0..rows-1, int64[rows], in the order of this purpose, seed, participant and pass."""
    keys = np.frombuffer(seeded_bytes(purpose, seed, participant, number, 8 * rows), dtype="<u8")
    return np.argsort(keys, kind="stable").astype(np.int64, copy=False)
