"""`rounds.earlyStopping`: for how many evaluations the adapter has not improved."""

from collections.abc import Mapping

from fedtrain.api.base import Block
from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts.headline_metric import Measure, hub_measure
from fedtrain.contracts.record_fields import Finite
from fedtrain.plurals import several


class EarlyStoppingState(Block):
    """After a round: the best value of early stopping's metric so far, the round whose adapter has it, and the number
    of evaluations since then."""

    best: Finite
    round: int
    evaluations: int = 0


def judge(
    spec: FederatedTrainingSpec,
    before: EarlyStoppingState | None,
    round: int,
    metrics: Mapping[str, float] | None,
    rolled_back: bool = False,
) -> EarlyStoppingState | None:
    """Return the state after a round whose adapter has these metrics at the hub; None without early stopping. `before`:
    state of the previous round. A round without the metric changes nothing. The value of a round that is `rolled_back`
    is not that of the run's adapter, so it is never the best."""
    measure = watched(spec)
    if measure is None:
        return None
    if metrics is None or (value := metrics.get(measure.name)) is None:
        return before
    if before is None or (measure.better(value, before.best) and not rolled_back):
        return EarlyStoppingState(best=value, round=round)
    return before.model_copy(update={"evaluations": before.evaluations + 1})


def watched(spec: FederatedTrainingSpec) -> Measure | None:
    """Return the metric that must improve; None without early stopping."""
    stopping = spec.rounds.early_stopping
    return hub_measure(spec, stopping.metric) if stopping is not None else None


def explained(spec: FederatedTrainingSpec, state: EarlyStoppingState | None, round: int) -> str | None:
    """Return why the run ends after this round; None if it does not."""
    stopping, measure = spec.rounds.early_stopping, watched(spec)
    if stopping is None or measure is None or state is None or state.evaluations < stopping.patience:
        return None
    best = f"{measure.text(state.best)} of {f'round {state.round}' if state.round else 'the base model'}"
    return (
        f"stopped early after round {round} of {spec.rounds.count} by rounds.earlyStopping: {measure.name} is not "
        f"better than the {best} in {several(state.evaluations, 'evaluation')} since"
    )
