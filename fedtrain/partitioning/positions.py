"""Positions in the streams of all participants, which a plan records."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from fedtrain.contracts.records import Plan
from fedtrain.partitioning.situation import Share


@dataclass(frozen=True)
class Positions:
    """`samples`: number of samples that each participant has used. `datasets`: with a mix, those of each of its data
    sets, by participant and data set."""

    samples: Mapping[str, int] = field(default_factory=dict[str, int])
    datasets: Mapping[str, Mapping[str, int]] = field(default_factory=dict[str, Mapping[str, int]])

    def of(self, participant: str) -> int:
        return self.samples.get(participant, 0)

    def of_sets(self, participant: str) -> Mapping[str, int]:
        return self.datasets.get(participant, {})

    def after(self, shares: Iterable[Share]) -> "Positions":
        """Return the positions after a round."""
        samples, datasets = dict(self.samples), dict(self.datasets)
        for share in shares:
            samples[share.participant] = share.end
            if share.datasets:
                datasets[share.participant] = {part.name: part.end for part in share.datasets}
        return Positions(samples, datasets)


def positions_of(plan: Plan | None) -> Positions:
    """Return the positions after the round of `plan`; None: before the first round."""
    return Positions(plan.positions, plan.dataset_positions or {}) if plan is not None else Positions()
