"""Metrics in words: which one a run is judged by, which way is better, and how it is written."""

from dataclasses import dataclass

from fedtrain.api.evaluation import Metric
from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.results.words import loss

_SHARES = ("Choices", "ExactMatch")


@dataclass(frozen=True)
class Measure:
    """One metric. `share`: between 0 and 1, written as a percentage, more is better; others are losses."""

    name: str
    share: bool

    @property
    def direction(self) -> str:
        return "higher is better" if self.share else "lower is better"

    def text(self, value: float | None) -> str:
        """`61.2%`, `1.084`; a dash for None."""
        return f"{value:.1%}" if self.share and value is not None else loss(value)

    def better(self, one: float, other: float) -> bool:
        """Whether `one` is better than `other`."""
        return one > other if self.share else one < other

    def times(self, one: float, other: float) -> float | None:
        """By which factor `one` is better than `other`, above 1 if it is; None where a ratio says nothing."""
        if one <= 0 or other <= 0:
            return None
        return one / other if self.share else other / one


def hub_measures(spec: FederatedTrainingSpec) -> tuple[Measure, ...]:
    """What the hub measures on its held-out data, in the file's order."""
    return _measures(spec.evaluation.hub.metrics) if spec.evaluation.hub else ()


def own_measures(spec: FederatedTrainingSpec) -> tuple[Measure, ...]:
    """What each participant measures on its validation split, in the file's order."""
    return _measures(spec.evaluation.participants.metrics) if spec.evaluation.participants else ()


def headline(measures: tuple[Measure, ...]) -> Measure | None:
    """The metric that a run is judged by: the first share, or else the first of all."""
    return next((measure for measure in measures if measure.share), measures[0] if measures else None)


def _measures(metrics: tuple[Metric, ...]) -> tuple[Measure, ...]:
    return tuple(Measure(metric.name, metric.type in _SHARES) for metric in metrics)
