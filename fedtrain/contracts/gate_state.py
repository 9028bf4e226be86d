"""`evaluation.gate`: whether the adapter of a round is accepted."""

from collections.abc import Mapping

from fedtrain.api.base import Block
from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts.headline_metric import Measure, hub_measure
from fedtrain.contracts.record_fields import Finite

_ROUNDING = 1e-9
"""A loss of exactly `maxRegression` is accepted, though 0.04 - 0.03 is more than 0.01 in floating point. One row of 20
million is worth more than this."""


class GateState(Block):
    """After a round: the best value of the gate's metric so far, the number of rounds rolled back in a row, and the
    value of the adapter that this round rejected, if any."""

    best: Finite
    consecutive: int = 0
    rejected: Finite | None = None


def judge(
    spec: FederatedTrainingSpec, before: GateState | None, metrics: Mapping[str, float] | None
) -> GateState | None:
    """Return the state after a round whose adapter has these metrics at the hub; None without a gate. The adapter is
    accepted unless `rejected` is set. `before`: state of the previous round. A round without the metric changes
    nothing."""
    gate, measure = spec.evaluation.gate, gated(spec)
    if gate is None or measure is None:
        return None
    if metrics is None or (value := metrics.get(gate.metric)) is None:
        return before
    if before is None:
        return GateState(best=value)
    lost = before.best - value if measure.share else value - before.best
    if lost - gate.max_regression > _ROUNDING:
        return GateState(best=before.best, consecutive=before.consecutive + 1, rejected=value)
    return GateState(best=value if measure.better(value, before.best) else before.best)


def kept(before: GateState | None) -> GateState | None:
    """Return the state after a round that made no adapter."""
    return before and before.model_copy(update={"rejected": None})


def gated(spec: FederatedTrainingSpec) -> Measure | None:
    """Return the metric that the gate compares; None without a gate."""
    gate = spec.evaluation.gate
    return hub_measure(spec, gate.metric) if gate is not None else None


def explained(spec: FederatedTrainingSpec, state: GateState | None) -> str:
    """Return why an adapter was rejected; empty if it was not."""
    gate, measure = spec.evaluation.gate, gated(spec)
    if gate is None or measure is None or state is None or state.rejected is None:
        return ""
    allowed = f"{gate.max_regression:.1%}" if measure.share else f"{gate.max_regression:g}"
    return (
        f"{measure.name} {measure.text(state.rejected)} is worse than the best so far, {measure.text(state.best)}, by "
        f"more than the gate's maxRegression {allowed}"
    )
