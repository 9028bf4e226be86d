"""`privacy.unit: Example`: the batch size that makes a step's noise as large as its gradient, if the rows allow one."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts.privacy_blocks import ExampleNoise
from fedtrain.plurals import several
from fedtrain.privacy.accounting import AccountingError, Poisson, Release, affordable_rounds
from fedtrain.privacy.noise import signal_to_noise, updates_for_ratio
from fedtrain.rounds.example_privacy import example_noise

_TRIES = 3
"""Batch sizes between the present one and the largest: each takes a search for its noise multiplier."""
_GAIN = 1.05
"""A batch that makes the noise smaller by less than this factor is not worth its time."""


@dataclass(frozen=True)
class _Tried:
    ratio: float
    noise: ExampleNoise


def batch_advice(
    spec: FederatedTrainingSpec, rows: Mapping[str, int], worst: str, noise: ExampleNoise, values: int
) -> str:
    """Return what a larger `training.batchSize` gains. A batch has at most the rows of the smallest participant, and
    takes the noise that it needs. `rows`: of the participants that take part; `worst`: the one with the most noise,
    which is `noise`."""
    smallest = min(rows, key=lambda who: (rows[who], who))
    most, now = rows[smallest], signal_to_noise(noise.multiplier, noise.batch, values)

    def tried(batch: int) -> _Tried | None:
        return _tried(spec, rows, {worst, smallest}, batch, values)

    end = tried(most) if most > noise.batch else None
    if end is None or end.ratio < now * _GAIN:
        return (
            f"not a larger training.batchSize: {smallest} has {several(most, 'training row')}, and with more rows in a "
            "step the budget needs more noise"
            if most > noise.batch
            else f"not a larger training.batchSize: a step has all {several(most, 'training row')} of {smallest}"
        )
    if end.ratio < 1:
        return (
            f"training.batchSize: {most:,}, all training rows of {smallest}, makes it {1 / end.ratio:.3g} times as "
            f"large (noise multiplier {end.noise.multiplier:.3g}){_fewer_rounds(spec, end)}"
        )
    assert spec.privacy is not None
    if spec.privacy.noise.multiplier is not None:
        enough = min(most, ceil(updates_for_ratio(1.0, noise.multiplier, values)))
        found = tried(enough) or end
    else:
        found = end
        low, high = noise.batch, most
        for _ in range(_TRIES):
            middle = ceil((low * high) ** 0.5)
            one = tried(middle)
            if one is not None and one.ratio >= 1:
                high, found = middle, one
            else:
                low = middle
    return (
        f"training.batchSize: {found.noise.batch:,} makes the noise only as large as the gradient (noise multiplier "
        f"{found.noise.multiplier:.3g}){_fewer_rounds(spec, found)}"
    )


def _tried(
    spec: FederatedTrainingSpec, rows: Mapping[str, int], who: set[str], batch: int, values: int
) -> _Tried | None:
    """Return the largest noise of these participants with this batch size; None if one cannot afford a round."""
    changed = spec.model_copy(update={"training": spec.training.model_copy(update={"batch_size": batch})})
    found: list[_Tried] = []
    for one in sorted(who):
        try:
            noise = example_noise(changed, one, rows[one])
        except AccountingError:
            return None
        found.append(_Tried(signal_to_noise(noise.multiplier, noise.batch, values), noise))
    return min(found, key=lambda one: one.ratio)


def _fewer_rounds(spec: FederatedTrainingSpec, tried: _Tried) -> str:
    """With a fixed multiplier, a larger batch spends more of the budget."""
    assert spec.privacy is not None
    budget, noise, rounds = spec.privacy.budget, tried.noise, spec.rounds.count
    if spec.privacy.noise.multiplier is None:
        return ""
    release = Release(noise.multiplier, Poisson(noise.probability))
    affordable = affordable_rounds(release, budget.epsilon, budget.delta, rounds, steps=noise.steps)
    return f" and the budget allows {affordable} of {several(rounds, 'round')}" if affordable < rounds else ""
