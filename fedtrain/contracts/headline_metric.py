"""Metrics for display: the headline metric, its direction and its format, for reports and for kubectl alike."""

from dataclasses import dataclass

from fedtrain.api.evaluation import Metric
from fedtrain.api.federated_training import FederatedTrainingSpec

_SHARES = ("Choices", "ExactMatch")


@dataclass(frozen=True)
class Measure:
    """One metric. `share`: between 0 and 1, shown as a percentage, higher is better. Others are losses."""

    name: str
    share: bool

    @property
    def direction(self) -> str:
        return "higher is better" if self.share else "lower is better"

    def text(self, value: float | None) -> str:
        """`61.2%`, `1.084`; a dash for None."""
        return f"{value:.1%}" if self.share and value is not None else loss_text(value)

    def better(self, one: float, other: float) -> bool:
        """Whether `one` is better than `other`."""
        return one > other if self.share else one < other

    def times(self, one: float, other: float) -> float | None:
        """Return the factor by which `one` is better than `other`; None if a value is not positive."""
        if one <= 0 or other <= 0:
            return None
        return one / other if self.share else other / one


def hub_measures(spec: FederatedTrainingSpec) -> tuple[Measure, ...]:
    """Return the hub's metrics on its held-out data, in the file's order."""
    return _measures(spec.evaluation.hub.metrics) if spec.evaluation.hub else ()


def hub_measure(spec: FederatedTrainingSpec, name: str) -> Measure | None:
    """Return the hub's metric of this name; None if there is none."""
    return next((measure for measure in hub_measures(spec) if measure.name == name), None)


def own_measures(spec: FederatedTrainingSpec) -> tuple[Measure, ...]:
    """Return the metrics that each participant measures on its validation split, in the file's order."""
    return _measures(spec.evaluation.participants.metrics) if spec.evaluation.participants else ()


def own_choices(spec: FederatedTrainingSpec) -> bool:
    """Return whether the participants choose among labels: those of their own rows, not the hub's."""
    own = spec.evaluation.participants
    return own is not None and any(metric.type == "Choices" for metric in own.metrics)


def headline(measures: tuple[Measure, ...]) -> Measure | None:
    """Return the headline metric: the first share, or else the first metric."""
    return next((measure for measure in measures if measure.share), measures[0] if measures else None)


def loss_text(value: float | None) -> str:
    """`1.084`; a dash for None."""
    return "–" if value is None else f"{value:.3f}" if abs(value) < 100 else f"{value:.3g}"


def _measures(metrics: tuple[Metric, ...]) -> tuple[Measure, ...]:
    return tuple(Measure(metric.name, metric.type in _SHARES) for metric in metrics)
