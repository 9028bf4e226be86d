"""Adapters of a comparison and what is measured of each: at the hub, and on each participant's validation split."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from fedtrain.api.evaluation import Metric, Metrics, ParticipantEvaluation
from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.baseline.arms import ArmRun
from fedtrain.baseline.measuring import Measuring
from fedtrain.contracts import names
from fedtrain.contracts.records import Evaluation, Initial, Manifest, Run
from fedtrain.contracts.run_end import End
from fedtrain.contracts.untrusted_records import Measurement, Preflight
from fedtrain.ledger.adapter_of_round import made_adapter_of
from fedtrain.ledger.ledger import Ledger
from fedtrain.results.comparison import Arm, Kind, arm_label
from fedtrain.rounds import orders
from fedtrain.rounds.snapshot import TaskKey
from fedtrain.runner.bindings import ledger_of


@dataclass(frozen=True)
class Subject:
    """An adapter to compare and its measurements."""

    kind: Kind
    participant: str | None
    steps: int
    ledger: Ledger
    manifest: Manifest
    measurings: tuple[Measuring, ...]

    def arm(self) -> Arm:
        records = [one.record for one in self.measurings]
        evaluations = [record for record in records if isinstance(record, Evaluation)]
        measurements = [record for record in records if isinstance(record, Measurement)]
        return Arm(
            kind=self.kind,
            participant=self.participant,
            run=f"{self.ledger.namespace}/{self.ledger.name}",
            adapter=self.manifest.adapter,
            steps=self.steps,
            hub=evaluations[0].metrics if evaluations else {},
            own={record.participant: record.metrics for record in measurements},
        )


def subjects_of(
    spec: FederatedTrainingSpec, ledger: Ledger, preflights: dict[str, Preflight], arms: Sequence[ArmRun], steps: int
) -> list[Subject]:
    """Return the adapters in the order of the table: base, each alone, federated, each personalised, pooled. `ledger`:
    of the federated run, which has ended, perhaps before its last planned round. `steps`: of all its participants."""
    spec, end = measured_spec(spec), ledger.read(names.END, End)
    assert end is not None
    found = [subject_of(spec, preflights, "Base", None, 0, ledger, 0)]
    found += [
        subject_of(spec, preflights, arm.kind, arm.participant, arm.steps, ledger_of(arm.federation), 1) for arm in arms
    ]
    found.append(subject_of(spec, preflights, "Federated", None, steps, ledger, end.round))
    order = get_args(Kind)
    return sorted(found, key=lambda subject: order.index(subject.kind))


def subject_of(
    spec: FederatedTrainingSpec,
    preflights: dict[str, Preflight],
    kind: Kind,
    participant: str | None,
    steps: int,
    ledger: Ledger,
    round: int,
) -> Subject:
    """`round`: the adapter is the one after it. Participants measure it in the folder of this round, the hub in that of
    the round that made it."""
    claimed, manifest = ledger.read(names.RUN, Run), ledger.read(names.manifest(round), Manifest)
    made, initial = made_adapter_of(ledger, round), ledger.read(names.initial(), Initial)
    base = initial.base_fingerprint if initial is not None else None
    assert claimed is not None
    assert manifest is not None
    assert made is not None
    measurings: list[Measuring] = []
    label = arm_label(kind, participant)
    if kind == "Personalised":  # it never leaves its participant
        preflights = {who: preflight for who, preflight in preflights.items() if who == participant}
    elif spec.evaluation.hub is not None:
        k = made.k or 0
        key = TaskKey(made.round, "Evaluate", f"_evaluate-{k}", 1)
        task = orders.evaluate_task(spec, claimed, key, k, made.adapter, made.config, base)
        measurings.append(Measuring(f"{label} at the hub", ledger, claimed, key, task))
    for who, preflight in preflights.items():
        if preflight.validation_samples > 0:
            key = TaskKey(round, "Measure", who, 1)
            task = orders.measure_task(spec, claimed, key, preflight, manifest, base)
            measurings.append(Measuring(f"{label} on {who}'s validation split", ledger, claimed, key, task))
    return Subject(kind, participant, steps, ledger, manifest, tuple(measurings))


def measured_spec(spec: FederatedTrainingSpec) -> FederatedTrainingSpec:
    """Return the spec with metrics for the validation splits: the file's, else the hub's, else the loss."""
    if spec.evaluation.participants is not None:
        return spec
    hub = spec.evaluation.hub
    metrics: Metrics = hub.metrics if hub else (Metric(name="loss", type="Loss"),)
    own = ParticipantEvaluation(metrics=metrics)
    return spec.model_copy(update={"evaluation": spec.evaluation.model_copy(update={"participants": own})})
