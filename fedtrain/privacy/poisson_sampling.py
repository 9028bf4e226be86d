"""Poisson sampling: each unit is in a step with the same probability, independently of the others and of other steps.

Accounting for sampling (amplification) needs exactly this, and that no one can predict who is sampled. So choices come
from BLAKE3's keyed output stream, from a secret seed.
"""

from math import floor

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from fedtrain.privacy.gaussian_noise import SEED_BYTES

_WORD = 8


class PoissonSampler:
    """Which of `units` are in a step (Abadi et al. 2016, section 3.1). The same seed gives the same choices, for steps
    in any order.

    1,000 units, each with probability 0.1, in three steps; a secret seed comes from `secrets`:

    >>> sampler = PoissonSampler(bytes(32), probability=0.1, units=1000)
    >>> [len(sampler.sample(step)) for step in range(3)]
    [115, 98, 115]
    """

    def __init__(self, seed: bytes, probability: float, units: int) -> None:
        if len(seed) != SEED_BYTES:
            raise ValueError(f"A sampling seed has {SEED_BYTES} bytes, not {len(seed)}.")
        if not 0 < probability <= 1 or units < 1:
            raise ValueError(f"Cannot sample {units} units with probability {probability}.")
        self._state = blake3(b"fedtrain/poisson/1", key=seed)
        self._units = units
        self._below = floor(probability * 2.0**64)
        """A unit is in a step if its word is below this: with at most `probability`, less by 2^-64 at most."""

    def sample(self, step: int) -> NDArray[np.int64]:
        """Return the numbers of the units in step `step`, from 0, ascending. May be empty."""
        size = self._units * _WORD
        words = np.frombuffer(self._state.copy().digest(length=size, seek=step * size), "<u8")
        if self._below >= 2**64:
            return np.arange(self._units)
        return np.flatnonzero(words < np.uint64(self._below))
