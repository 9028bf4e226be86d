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

from math import factorial, floor, log, log2, pi, sqrt

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from fedtrain.plurals import several
from fedtrain.privacy.clipping import check_bound
from fedtrain.privacy.noise import check_multiplier

STEPS = 30
"""The noise has a standard deviation of 2^30 to 2^31 steps, or fewer for sums of very many updates."""
SEED_BYTES = 32
_WORD = 8


def granularity(multiplier: float, bound: float, updates: int = 1) -> float:
    """Return g, a power of two: 2^-30 to 2^-31 of z C, or the smallest with which the sum of `updates` is exact in
    float64, if that is larger. Raises ValueError.

    >>> granularity(multiplier=1.0, bound=1.0) == 2.0**-30, granularity(1.5, 2.0) == 2.0**-29
    (True, True)
    >>> granularity(1.0, 1.0, updates=5_000_000) == 2.0**-29
    True
    """
    check_multiplier(multiplier)
    check_bound(bound)
    step = 2.0 ** (floor(log2(multiplier * bound)) - STEPS)
    while not _exact(step, bound, updates):
        step *= 2
    return step


def _exact(step: float, bound: float, updates: int) -> bool:
    """Whether the sum of this many updates, in multiples of `step`, is exact in float64. The noise needs one more
    bit."""
    return updates * (bound / step + 1) < 2.0**52


def std_in_steps(multiplier: float, bound: float, values: int, updates: int = 1) -> float:
    """Return the standard deviation of the noise on the sum in multiples of g: z (C + sqrt(d) g / 2) / g, for updates
    of d values. More than z C / g by less than z sqrt(d) / 2^31: 5 parts in a million for a million values and z = 10.
    `updates`: as for `granularity`.
    """
    step = granularity(multiplier, bound, updates)
    return multiplier * (bound / step + sqrt(values) / 2)


def check_range(multiplier: float, bound: float, updates: int) -> None:
    """Raises ValueError if the sum of this many updates is not exact in float64."""
    if not _exact(granularity(multiplier, bound), bound, updates):
        raise ValueError(
            f"The sum of {several(updates, 'update')} is not exact at a granularity of 2^-{STEPS} of the noise. Raise "
            f"the noise multiplier, which is {multiplier:g}."
        )


class NoiseStream:
    """Standard Gaussian samples by number: sample i depends on the seed, the purpose and i only, so blocks of samples
    can be drawn in any order. Words of 64 bits come from BLAKE3's keyed output stream, pairs of samples from pairs of
    words (`standard_gaussian`)."""

    def __init__(self, seed: bytes, purpose: str) -> None:
        if len(seed) != SEED_BYTES:
            raise ValueError(f"A noise seed has {SEED_BYTES} bytes, not {len(seed)}.")
        self._state = blake3(f"fedtrain/noise/2/{purpose}".encode(), key=seed)

    def words(self, start: int, count: int) -> NDArray[np.uint64]:
        """Return the words of samples number `start` to `start + count - 1`: `count`, rounded up to a pair. `start` is
        even."""
        if start % 2:
            raise ValueError(f"Samples come in pairs, but the first of a block is number {start}.")
        length = (count + count % 2) * _WORD
        return np.frombuffer(self._state.copy().digest(length=length, seek=start * _WORD), "<u8")

    def samples(self, start: int, count: int) -> NDArray[np.float64]:
        """Return samples number `start` to `start + count - 1`. `start` is even."""
        found = np.empty(count)
        for first in range(0, count, _SLICE):
            part = found[first : first + _SLICE]
            part[:] = standard_gaussian(self.words(start + first, len(part)))[: len(part)]
        return found

    def on_count(self, std: float) -> float:
        """Return noise of standard deviation `std` for a count: sample number 0, in steps of a power of two of at most
        1, of which a count is a multiple."""
        step = min(1.0, granularity(1.0, std))
        return float(np.rint(float(self.samples(0, 1)[0]) * std / step)) * step


_SLICE = 16 * 1024
"""Samples drawn at a time: arrays of 64 KiB, which stay in a core's cache."""


def standard_gaussian(words: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Return one sample of the standard Gaussian distribution for each of `words`, an even number of uniform words (Box
    and Muller 1958): sqrt(-2 ln u) (cos a, sin a), with u in (0, 1] from the first word of each pair and a in
    [0, 2 pi) from the second.

    Uses integers and the operations that IEEE 754 rounds exactly (+ - * / sqrt) in a fixed order, because a library's
    logarithm and cosine differ between machines: the aggregator's compiled kernels/noise.c has the same bits."""
    radius = np.sqrt(-2.0 * _log_uniform(words[0::2]))
    cosine, sine = _on_circle(words[1::2])
    found = np.empty(len(words))
    np.multiply(radius, cosine, out=found[0::2])
    np.multiply(radius, sine, out=found[1::2])
    return found


_HALF_ROOT = np.uint64(0x3FE6A09E667F3BCD)
"""The bits of sqrt(1 / 2)."""
_ONE = np.uint64(0x3FF0000000000000)
_MANTISSA = np.uint64((1 << 52) - 1)
_LOG_SERIES = [2 / (2 * power + 1) for power in range(11)]
"""ln((1 + s) / (1 - s)) = s sum of 2 s^(2 k) / (2 k + 1), to 2^-57 for |s| up to 0.172."""
_SINE_SERIES = [(-1) ** power / factorial(2 * power + 1) for power in range(9)]
_COSINE_SERIES = [(-1) ** power / factorial(2 * power) for power in range(9)]
"""sin y = y sum of (-1)^k y^(2 k) / (2 k + 1)!, and cos y, to 2^-53 for |y| up to pi / 4."""


def _log_uniform(words: NDArray[np.uint64]) -> NDArray[np.float64]:
    """ln u for u = (the upper 53 bits + 1) / 2^53."""
    bits = ((words >> np.uint64(11)).astype(np.float64) + 1.0).view(np.uint64)
    bits = bits + (_ONE - _HALF_ROOT)
    exponent = (bits >> np.uint64(52)).astype(np.float64) - (1023.0 + 53.0)
    mantissa = ((bits & _MANTISSA) + _HALF_ROOT).view(np.float64)  # from sqrt(1 / 2) to sqrt(2)
    s = (mantissa - 1.0) / (mantissa + 1.0)
    return exponent * log(2) + s * _series(_LOG_SERIES, s * s)


def _on_circle(words: NDArray[np.uint64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """cos a and sin a, for a in [-pi / 2, pi / 2) from the upper 53 bits; the lowest bit is the sign of the cosine."""
    half = (words >> np.uint64(11)).astype(np.float64) * (pi / 2 * 2.0**-53) - pi / 4
    squared = half * half
    sine, cosine = half * _series(_SINE_SERIES, squared), _series(_COSINE_SERIES, squared)
    whole = (cosine * cosine - sine * sine).view(np.uint64) ^ (words << np.uint64(63))
    return whole.view(np.float64), (sine + sine) * cosine


def _series(coefficients: list[float], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The polynomial, by Horner's rule."""
    total = np.full_like(x, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        total *= x
        total += coefficient
    return total
