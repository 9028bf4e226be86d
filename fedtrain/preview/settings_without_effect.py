"""Warns of settings that are valid but can never take effect in this run, such as an interval longer than it."""

from collections.abc import Iterator

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.plurals import form, several


def settings_without_effect(spec: FederatedTrainingSpec, hub_rows: int | None = None) -> Iterator[str]:
    """`hub_rows`: number of rows of the hub's data; None if it is not known."""
    yield from _interval(spec)
    yield from _patience(spec)
    yield from _consecutive(spec)
    yield from _samples(spec, hub_rows)


def _interval(spec: FederatedTrainingSpec) -> Iterator[str]:
    every, rounds = spec.evaluation.every, spec.rounds.count
    if spec.evaluation.hub is None and every > 1:
        yield (
            f"evaluation.every is {every}, but without evaluation.hub nothing is evaluated at the hub. "
            "Add `hub: {data: {uri: ./test.jsonl}}` to evaluation, or remove `every`."
        )
    elif every > rounds:
        yield (
            f"evaluation.every is {every}, but rounds.count is {rounds}, so only the base model and the adapter of the "
            f"last round are evaluated at the hub. Write `every: 1` to evaluate each round."
            if rounds > 1
            else f"evaluation.every is {every}, but rounds.count is 1. Remove `every`, or raise `rounds.count`."
        )


def _patience(spec: FederatedTrainingSpec) -> Iterator[str]:
    """The run ends early only if evaluations remain after `patience` of them."""
    early = spec.rounds.early_stopping
    evaluations = -(-spec.rounds.count // spec.evaluation.every)
    if early is None or early.patience < evaluations:
        return
    default = "" if "patience" in early.model_fields_set else " (the default)"
    use = (
        f"Set `patience` to {evaluations - 1}{' or less' if evaluations > 2 else ''}, or remove `earlyStopping`."
        if evaluations > 1
        else "Remove `earlyStopping`, or raise `rounds.count`."
    )
    yield (
        f"rounds.earlyStopping.patience is {early.patience}{default}, but the run has only "
        f"{several(evaluations, 'evaluation')} after that of the base model (rounds.count {spec.rounds.count}, "
        f"evaluation.every {spec.evaluation.every}), so it can never end early. {use}"
    )


def _consecutive(spec: FederatedTrainingSpec) -> Iterator[str]:
    gate, rounds = spec.evaluation.gate, spec.rounds.count
    if gate is None or "max_consecutive" not in gate.model_fields_set:
        return
    if gate.on_regression == "Halt" and gate.max_consecutive > 1:
        yield (
            f"evaluation.gate.maxConsecutive is {gate.max_consecutive}, but with onRegression: Halt the run ends at "
            "the first round that is rolled back. Remove `maxConsecutive`, or set `onRegression: RollBack`."
        )
    elif gate.limit > rounds:
        yield (
            f"evaluation.gate.maxConsecutive is {gate.max_consecutive}, but rounds.count is {rounds}, so it can never "
            f"be reached. Set it to {rounds}{' or less' if rounds > 1 else ''}, or remove it."
        )


def _samples(spec: FederatedTrainingSpec, rows: int | None) -> Iterator[str]:
    hub = spec.evaluation.hub
    if hub is not None and hub.samples is not None and rows and hub.samples > rows:
        yield (
            f"evaluation.hub.samples is {hub.samples}, but the hub's data has only {several(rows, 'row')}, so only "
            f"{rows} {form(rows, 'answer is', 'answers are')} generated. Set it to {rows}, or add rows."
        )
