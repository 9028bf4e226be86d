"""Division of a slice among the data sets of a mix, by their shares.

A slice of n samples has floor(share * n) samples of each data set, or one more. The data sets that are furthest behind
their shares after the slice are rounded up, so that over the run no share is starved by rounding. Shares are
exact decimal numbers, so the division is the same on every platform.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor

from fedtrain.api.data import MixedDataset
from fedtrain.contracts.untrusted_records import DatasetCount
from fedtrain.partitioning.exact_numbers import exact


@dataclass(frozen=True, kw_only=True)
class MixedSet:
    """A data set of a mix at a participant. `share`: all shares of the mix add up to 1. `population`: number of its
    training rows. `start`: number of samples of its stream that earlier rounds have used."""

    name: str
    share: Fraction
    population: int
    start: int = 0


def shares(datasets: Sequence[MixedDataset]) -> dict[str, Fraction]:
    """Return the share of each data set, by name. They add up to 1."""
    whole = sum(exact(one.share) for one in datasets)
    return {one.name: exact(one.share) / whole for one in datasets}


def mixed_sets(
    datasets: Sequence[MixedDataset], counts: Iterable[DatasetCount], positions: Mapping[str, int]
) -> tuple[MixedSet, ...]:
    """Return the data sets of a participant, in the order of the spec. Raises KeyError if one was not counted."""
    population, share = {count.name: count.samples for count in counts}, shares(datasets)
    return tuple(
        MixedSet(name=name, share=share[name], population=population[name], start=positions.get(name, 0))
        for name in share
    )


def divide(sets: Sequence[MixedSet], samples: int) -> tuple[int, ...]:
    """Return the number of samples of each data set in a slice of `samples`."""
    used = sum(one.start for one in sets) + samples
    counts = [floor(one.share * samples) for one in sets]
    behind = [one.share * used - one.start - count for one, count in zip(sets, counts, strict=True)]
    inexact = [at for at, one in enumerate(sets) if counts[at] != one.share * samples]
    for at in sorted(inexact, key=lambda at: (-behind[at], at))[: samples - sum(counts)]:
        counts[at] += 1
    return tuple(counts)


def left(sets: Sequence[MixedSet]) -> int:
    """Return the size of the largest slice, in the shares of the mix, that uses no row a second time; 0 when a data set
    is used up."""
    return min(floor(max(0, one.population - one.start) / one.share) for one in sets)


def used_up(sets: Sequence[MixedSet]) -> MixedSet:
    """Return the data set that ends first."""
    return min(sets, key=lambda one: (one.population - one.start) / one.share)
