"""The kernels in numpy, for machines without a C compiler: several passes over values in cache instead of one."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fedtrain.privacy.gaussian_noise import standard_gaussian

CHUNK = 4096
"""Values whose squares are added up at a time, with numpy's pairwise summation."""

_SLICE = 8 * CHUNK
"""Values converted at a time: 256 KiB of float64, which fit a core's L2 cache."""

_NOISE_SLICE = 4 * CHUNK
"""Samples computed at a time, in several arrays of half their number."""

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Keys = NDArray[np.uint32]
Checks = NDArray[np.uint64]


class Sums(NamedTuple):
    """For each chunk, `squares` is the sum of the squares of its values, and `checks`, with keys only, a checksum of
    them. With CHUNK random keys, other values have the same checksum with a probability of 2^-32."""

    squares: Float64
    checks: Checks | None


def square_sums(values: Float32, keys: Keys | None = None) -> Sums:
    return Sums(_square_sums(values), None if keys is None else _checks(values, check_keys(keys)))


def add_scaled(totals: Float64, values: Float32, factor: float) -> Float64:
    check_lengths(totals, [values])
    _add(totals, values, factor, rounded=False)
    return _square_sums(values)


def add_checked(
    totals: Float64, updates: Sequence[Float32], factors: Sequence[float], keys: Keys, *, rounded: bool = False
) -> Sequence[Checks]:
    check_lengths(totals, updates)
    for values, factor in zip(updates, factors, strict=True):
        _add(totals, values, factor, rounded=rounded)
    return [_checks(values, check_keys(keys)) for values in updates]


def check_lengths(totals: Float64, updates: Sequence[Float32]) -> None:
    """Raises ValueError unless each update has a value for each total."""
    for values in updates:
        if len(values) != len(totals):
            raise ValueError(f"{len(values)} values cannot be added to {len(totals)}")


def check_keys(keys: Keys) -> Keys:
    """Return `keys`. Raises ValueError unless there is one for each value of a chunk."""
    if len(keys) != CHUNK:
        raise ValueError(f"{len(keys)} keys are not the {CHUNK} of a chunk")
    return keys


def _square_sums(values: Float32) -> Float64:
    sums = np.empty(-(-len(values) // CHUNK))
    squares = np.empty(min(_SLICE, len(values)))
    for start in range(0, len(values), _SLICE):
        part = squares[: len(values) - start]
        np.copyto(part, values[start : start + _SLICE])
        np.multiply(part, part, out=part)
        first, rows = start // CHUNK, len(part) // CHUNK
        np.add.reduce(part[: rows * CHUNK].reshape(-1, CHUNK), axis=1, out=sums[first : first + rows])
        if rows * CHUNK < len(part):
            sums[first + rows] = np.add.reduce(part[rows * CHUNK :])
    return sums


def add_noise(totals: Float64, words: NDArray[np.uint64], std: float, scale: float) -> None:
    for start in range(0, len(totals), _NOISE_SLICE):
        target = totals[start : start + _NOISE_SLICE]
        noise = standard_gaussian(words[start : start + _NOISE_SLICE])[: len(target)]
        noise *= std
        np.rint(noise, out=noise)
        target += noise
        target *= scale


def _checks(values: Float32, keys: Keys) -> Checks:
    sums = np.zeros(-(-len(values) // CHUNK), np.uint64)
    for number, start in enumerate(range(0, len(values), CHUNK)):
        part = values[start : start + CHUNK].view(np.uint32)
        half = len(part) - len(part) // 2
        first, second = part[:half] + keys[:half], keys[half : 2 * half].copy()
        second[: len(part) - half] += part[half:]
        sums[number] = np.dot(first.astype(np.uint64), second.astype(np.uint64))
    return sums


def _add(totals: Float64, values: Float32, factor: float, *, rounded: bool) -> None:
    scaled = np.empty(min(_SLICE, len(values)))
    for start in range(0, len(values), _SLICE):
        part = scaled[: len(values) - start]
        np.copyto(part, values[start : start + _SLICE])
        np.multiply(part, factor, out=part)
        if rounded:
            np.rint(part, out=part)
        target = totals[start : start + _SLICE]
        np.add(target, part, out=target)
