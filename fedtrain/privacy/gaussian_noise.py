"""Gaussian noise on a sum of clipped updates, drawn at a granularity, from a cryptographic generator.

Floating-point noise can reveal the sum under it, because not every sum can produce every noisy value (Mironov 2012;
Jin, McMurtry, Rubinstein, Ohrimenko 2022). So sum and noise are integers, multiples of a granularity g:

- each clipped update is rounded to multiples of g. That adds at most g / 2 to each of its d values, so its norm is at
  most C + sqrt(d) g / 2, and the noise is calibrated to that (`std_in_steps`);
- sums of these integers are exact in float64 up to 2^53, in any order;
- the noise is a Gaussian sample rounded to an integer. Since the sum is an integer, that is the same as rounding the
  Gaussian mechanism's output, which costs no privacy.

What remains is that Gaussian samples are computed in float64: their distribution differs from the exact one by about
2^-40 per value, and no sample is further than 8.57 standard deviations from 0. An output beyond that can only come from
one of two neighbouring inputs; `noise.tail` bounds the probability, which must be far below delta.
"""

from math import floor, log2, sqrt

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from fedtrain.plurals import several
from fedtrain.privacy.clipping import check_bound
from fedtrain.privacy.noise import check_multiplier

STEPS = 30
"""The noise has a standard deviation of 2^30 to 2^31 steps."""
_SMALLEST = 2.0**-900
SEED_BYTES = 32
_WORD = 8


def granularity(multiplier: float, bound: float) -> float:
    """Return g, a power of two: 2^-30 to 2^-31 of z C. Raises ValueError.

    >>> granularity(multiplier=1.0, bound=1.0) == 2.0**-30, granularity(1.5, 2.0) == 2.0**-29
    (True, True)
    """
    check_multiplier(multiplier)
    check_bound(bound)
    if not _SMALLEST <= multiplier * bound < 1 / _SMALLEST:
        raise ValueError(f"The clipping norm {bound:g} is too small or too large for noise multiplier {multiplier:g}.")
    return 2.0 ** (floor(log2(multiplier * bound)) - STEPS)


def std_in_steps(multiplier: float, bound: float, values: int) -> float:
    """Return the standard deviation of the noise on the sum in multiples of g: z (C + sqrt(d) g / 2) / g, for updates
    of d values. More than z C / g by less than z sqrt(d) / 2^31: 5 parts in a million for a million values and z = 10.
    """
    step = granularity(multiplier, bound)
    return multiplier * (bound / step + sqrt(values) / 2)


def check_range(multiplier: float, bound: float, updates: int) -> None:
    """Raises ValueError if the sum of this many updates is not exact in float64."""
    if updates * (bound / granularity(multiplier, bound) + 1) >= 2.0**52:
        raise ValueError(
            f"The sum of {several(updates, 'update')} is not exact at a granularity of 2^-{STEPS} of the noise. Raise "
            f"the noise multiplier, which is {multiplier:g}."
        )


class NoiseStream:
    """Standard Gaussian samples by number: sample i depends on the seed, the purpose and i only, so blocks of samples
    can be drawn in any order. Words of 64 bits come from BLAKE3's keyed output stream, pairs of samples from pairs of
    words (Box and Muller 1958)."""

    def __init__(self, seed: bytes, purpose: str) -> None:
        if len(seed) != SEED_BYTES:
            raise ValueError(f"A noise seed has {SEED_BYTES} bytes, not {len(seed)}.")
        self._state = blake3(f"fedtrain/noise/1/{purpose}".encode(), key=seed)

    def samples(self, start: int, count: int) -> NDArray[np.float64]:
        """Return samples number `start` to `start + count - 1`. `start` is even."""
        if start % 2:
            raise ValueError(f"Samples come in pairs, but the first of a block is number {start}.")
        pairs = (count + 1) // 2
        content = self._state.copy().digest(length=2 * pairs * _WORD, seek=start * _WORD)
        words = np.frombuffer(content, "<u8")
        uniform = (words >> np.uint64(11)).astype(np.float64)
        radius, angle = uniform[0::2] + 1.0, uniform[1::2] * (2.0 * np.pi * 2.0**-53)
        radius *= 2.0**-53  # above 0 and up to 1
        np.log(radius, out=radius)
        radius *= -2.0
        np.sqrt(radius, out=radius)
        found = np.empty(2 * pairs)
        np.multiply(radius, np.cos(angle), out=found[0::2])
        np.multiply(radius, np.sin(angle), out=found[1::2])
        return found[:count]

    def on_count(self, std: float) -> float:
        """Return noise of standard deviation `std` for a count: sample number 0, in steps of a power of two of at most
        1, of which a count is a multiple."""
        step = min(1.0, granularity(1.0, std))
        return float(np.rint(float(self.samples(0, 1)[0]) * std / step)) * step
