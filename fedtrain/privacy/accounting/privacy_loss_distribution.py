"""Privacy loss distributions of Gaussian releases with Poisson sampling (Koskela, Jaelkoe, Honkela 2020).

With sampling probability q and noise multiplier z, one release is as hard to tell apart as the distributions

    removal of a unit:  P = (1 - q) N(0, z^2) + q N(1, z^2)  against  Q = N(0, z^2)
    addition of a unit: P = N(0, z^2)                        against  Q = (1 - q) N(0, z^2) + q N(1, z^2)

(Zhu, Dong, Wang 2022). The privacy loss is log P(x) / Q(x) for x from P. Its distribution is put on a grid: the mass of
P and Q between two neighbouring grid points is divided between them so that both masses stay the same ("connect the
dots", Doroshenko, Ghazi, Kamath, Kumar, Manurangsi 2022), which never underestimates delta and is off by the square of
the grid's step. Independent releases add their losses, so their distributions are convolved, with one Fourier
transform. Then delta(epsilon) = E max(0, 1 - e^(epsilon - loss)) plus the mass beyond the grid.

dp-accounting's PLD accountant computes the same, and tests compare the two. It is not used here because it needs half a
minute to find a noise multiplier, where this needs less than a second, and scipy, which the operator's image does
without.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, erfc, exp, floor, inf, isfinite, log, sqrt

import numpy as np
from numpy.typing import NDArray

from fedtrain.privacy.accounting.release import Poisson, Release

Floats = NDArray[np.float64]

POINTS = 2**15
"""Largest number of grid points of the composed distribution."""
TAIL = 1e-4
"""Share of delta that may lie beyond the grid. It counts as a loss of infinity."""
_COARSEST = 100
"""Largest step of the grid, relative to a thousandth of the range of one release's losses."""
_WIDENINGS = 8
"""How often the range of the composed losses is widened to that of its own grid."""
_REACH = 10.0
"""Standard deviations of the noise that the grid of one release covers; beyond is less than 1e-22."""


def poisson_epsilon(releases: Mapping[Release, int], delta: float) -> float:
    """Return epsilon of `releases` under addition or removal of one unit; inf if it is beyond the grid, or if the
    releases are too many for any grid.

    With probability 1 it is the epsilon of the Gaussian mechanism (Balle and Wang 2018), 4.3772:

    >>> round(poisson_epsilon({Release(1.0, Poisson(1.0)): 1}, 1e-5), 4)
    4.3772
    """
    ordered = sorted(releases.items(), key=str)  # one order: float sums depend on it
    composed = [_Composed.of(ordered, delta, removal) for removal in (True, False)]
    return max(inf if one is None else one.epsilon(delta) for one in composed)


@dataclass(frozen=True)
class _Losses:
    """Distribution of the loss of one release: `mass[i]` is the probability of the loss (start + i) * step."""

    start: int
    step: float
    mass: Floats

    @property
    def values(self) -> Floats:
        return np.arange(self.start, self.start + len(self.mass), dtype=np.float64) * self.step


@dataclass(frozen=True)
class _Composed:
    losses: _Losses
    infinite: float
    """Probability that counts as a loss of infinity."""

    @classmethod
    def of(cls, releases: list[tuple[Release, int]], delta: float, removal: bool) -> "_Composed | None":
        """Compose on the finest grid that has at most POINTS. None if that is too coarse."""
        tail = delta * TAIL / 2
        rough = [(_losses(_probability(one), one.multiplier, _rough_step(one), removal), n) for one, n in releases]
        low, high = _range(rough, tail)
        coarsest = _COARSEST * min(losses.step for losses, _ in rough)
        for _ in range(_WIDENINGS):
            step = max((high - low) / POINTS, 1e-7)
            if step > coarsest:
                return None
            parts = [(_losses(_probability(one), one.multiplier, step, removal), count) for one, count in releases]
            if all(step <= losses.step for losses, _ in rough):
                break
            lowest, highest = _range(parts, tail)  # a coarser grid has wider losses, which must not wrap around
            if low <= lowest and highest <= high:
                break
            low, high = min(low, lowest), max(high, highest)
        else:
            return None
        first, size = floor(low / step), ceil(high / step) - floor(low / step) + 1
        length = 1 << max(4, (size - 1).bit_length())
        product = np.ones(length // 2 + 1, dtype=np.complex128)
        origin = 0
        for losses, count in parts:
            wrapped = np.bincount(np.arange(len(losses.mass)) % length, weights=losses.mass, minlength=length)
            product *= np.fft.rfft(wrapped) ** count
            origin += losses.start * count
        mass = np.roll(np.fft.irfft(product, length), (origin - first) % length)
        return cls(_Losses(first, step, np.maximum(mass, 0.0)), 2 * tail)

    def epsilon(self, delta: float) -> float:
        """Return the smallest epsilon of at least 0 with delta(epsilon) <= delta; inf if there is none."""
        values, mass = self.losses.values, self.losses.mass
        positive = values > 0
        values, mass = values[positive], mass[positive]
        if self.infinite > delta:
            return inf
        # For epsilon between two grid points, delta(epsilon) = infinite + sum of mass - e^epsilon sum of mass e^-loss,
        # over the losses above epsilon.
        above = np.cumsum(mass[::-1])[::-1]
        with np.errstate(divide="ignore"):  # log 0 where there is no mass
            logs = np.log(mass) - values
        scaled = np.logaddexp.accumulate(logs[::-1])[::-1]  # logarithms: e^loss exceeds float64 where noise is small
        at = self.infinite + above - np.exp(values - self.losses.step + scaled)  # at the grid point below each value
        index = int(np.searchsorted(-at, -delta, side="right")) - 1  # last one with delta(epsilon) > delta
        if index < 0:
            return 0.0
        needed = self.infinite + above[index] - delta
        return max(0.0, log(needed) - float(scaled[index])) if needed > 0 and isfinite(scaled[index]) else 0.0


def _probability(release: Release) -> float:
    return release.sampling.probability if isinstance(release.sampling, Poisson) else 1.0


def _rough_step(release: Release) -> float:
    """A grid of about 1,000 points over the losses of one release."""
    z = release.multiplier
    return max(((2 * _REACH * z + 1) / (z * z)) / 1000, 1e-7)


@lru_cache(64)
def _losses(q: float, z: float, step: float, removal: bool) -> _Losses:
    """Return the distribution of the loss of one release on a grid. P's lowest mass is rounded up to the grid; its
    highest is below 1e-22."""
    ends = [_loss(q, z, x) for x in (-_REACH * z, 1 + _REACH * z)]
    low, high = (ends[0], ends[1]) if removal else (-ends[1], -ends[0])
    start, count = floor(low / step), ceil(high / step) - floor(low / step) + 1
    edges = np.arange(start, start + count, dtype=np.float64) * step
    points = _points(q, z, edges if removal else -edges)  # where the loss is at the edge
    zero, one = _normal_masses(points / z), _normal_masses((points - 1) / z)
    mixture = (1 - q) * zero + q * one
    p, other = (mixture, zero) if removal else (zero, mixture)
    upper = np.maximum(
        np.minimum((p - other * np.exp(edges[:-1])) / -np.expm1(-step), p), 0.0
    )  # share of the upper grid point
    mass = np.zeros(count)
    mass[1:] += upper
    mass[:-1] += p - upper
    mass[0] += max(0.0, 1.0 - float(mass.sum()))
    return _Losses(start, step, mass)


def _loss(q: float, z: float, x: float) -> float:
    """log((1 - q) + q e^((2 x - 1) / (2 z^2))), the loss at x for the removal of a unit."""
    exponent = (2 * x - 1) / (2 * z * z)
    return float(np.logaddexp(log(1 - q) if q < 1 else -inf, log(q) + exponent))


def _points(q: float, z: float, losses: Floats) -> Floats:
    """Return the x of each loss; -inf where no x has such a small loss."""
    with np.errstate(divide="ignore", invalid="ignore"):
        odds = losses + np.log1p(-(1 - q) * np.exp(-losses)) - log(q)
    return np.where(np.isnan(odds), -inf, z * z * odds + 0.5)


def _normal_masses(edges: Floats) -> Floats:
    """Return the mass of the standard normal distribution between neighbouring edges, which ascend or descend. Computed
    in the tail that is closer, so that small masses keep their digits."""
    tails = np.fromiter(map(erfc, (np.abs(edges) / sqrt(2)).tolist()), np.float64, len(edges)) / 2
    below = np.where(edges < 0, tails, 1 - tails).astype(np.float64)
    both_high = (edges[:-1] > 0) & (edges[1:] > 0)
    return np.abs(np.where(both_high, tails[:-1] - tails[1:], below[1:] - below[:-1]))


def _range(parts: list[tuple[_Losses, int]], tail: float) -> tuple[float, float]:
    """Return bounds that the sum of all losses exceeds with a probability of at most `tail` on each side (Chernoff).
    They also bound the losses on a finer grid: refining it lowers E e^(t loss) for t > 0 and for t < -1."""
    lowest = sum(losses.values[0] * count for losses, count in parts)
    highest = sum(losses.values[-1] * count for losses, count in parts)
    low, high = lowest, highest
    for exponent in (2.0**power for power in range(-8, 12)):
        for sign in (1.0, -1.0) if exponent > 1 else (1.0,):
            logs = sum(count * _log_mean_exp(losses, sign * exponent) for losses, count in parts)
            bound = sign * (logs - log(tail)) / exponent
            low, high = (low, min(high, bound)) if sign > 0 else (max(low, bound), high)
    return low, max(high, low + exp(-20))


def _log_mean_exp(losses: _Losses, exponent: float) -> float:
    scaled = losses.values * exponent
    top = float(scaled.max())
    return top + log(float(np.dot(losses.mass, np.exp(scaled - top))))
