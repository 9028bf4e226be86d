"""The runs of a comparison: each is a federation of one participant and one round, with the same number of steps.

An arm trains in one round what the federated run trains in many: the learning-rate schedule spans the whole training,
and the optimizer keeps its state. It trains the same parameters (with `merge: FreezeA` B alone: the file's learning
rate is chosen for those), starts from the same initial adapter (same seed) and holds out the same validation rows (the
split depends on the seed, the participant's name and the number of rows)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from fedtrain.api.aggregation import Aggregation
from fedtrain.api.base import LONGEST_NAME, seconds
from fedtrain.api.evaluation import Evaluation
from fedtrain.api.federated_training import FederatedTrainingSpec, Metadata
from fedtrain.api.model import InitialFrom
from fedtrain.api.participant_policy import Dataset, Limits, ParticipantPolicy, ParticipantPolicySpec
from fedtrain.api.participants import Participant
from fedtrain.api.partitioning import Partitioning
from fedtrain.api.reading.federation import Federation
from fedtrain.api.training import Length
from fedtrain.contracts.digests import digest_bytes
from fedtrain.results.comparison import Kind, arm_label
from fedtrain.results.pooled_rows import POOLED
from fedtrain.results.run_summary import RunSummary


@dataclass(frozen=True)
class ArmRun:
    """One run of a comparison. `participant` is None for pooled data; `steps`: its number of optimizer steps."""

    kind: Kind
    participant: str | None
    steps: int
    federation: Federation

    @property
    def label(self) -> str:
        return arm_label(self.kind, self.participant) if self.participant else "pooled data"


def budgets(summary: RunSummary) -> dict[str, int]:
    """Return the optimizer steps of each participant over the federated run: recorded rounds x steps, or with lengths
    in epochs the mean steps of its updates, times the recorded rounds. A run that ended early has fewer rounds than
    its file plans. With epochs, a participant that never sent an update is missing."""
    spec, found = summary.spec, dict[str, int]()
    for participant in spec.participants:
        if (steps := round_steps(spec, participant.name)) is not None:
            found[participant.name] = steps * summary.rounds_done
            continue
        took = [
            one.steps
            for round in summary.rounds
            for one in round.participants
            if one.participant == participant.name and one.steps is not None
        ]
        if took:
            found[participant.name] = round(sum(took) / len(took) * summary.rounds_done)
    return found


def planned_steps(spec: FederatedTrainingSpec, who: str) -> int | None:
    """Return the optimizer steps of one participant over all planned rounds; None if the file does not give the length
    in steps."""
    steps = round_steps(spec, who)
    return None if steps is None else steps * spec.rounds.count


def round_steps(spec: FederatedTrainingSpec, who: str) -> int | None:
    """Return the optimizer steps of one participant in a round; None if the file gives its length in epochs."""
    return spec.participant(who).training.over(spec.training).length.steps


def alone(federation: Federation, who: str, steps: int) -> ArmRun:
    """Return the run of one participant on its own data."""
    participant = federation.training.spec.participant(who)
    own = participant.training.model_copy(update={"length": None})
    spec = _spec(federation, participant.model_copy(update={"training": own, "weight": None}), steps)
    return ArmRun("Alone", who, steps, _federation(federation, f"alone-{who}", spec, _own_data(federation, who)))


def base_of(federation: Federation, who: str) -> ArmRun:
    """Return the shortest run of one participant: its round 0 holds the base model to be measured."""
    arm = alone(federation, who, 1)
    own = _federation(federation, f"base-{who}", arm.federation.training.spec, _own_data(federation, who))
    return ArmRun("Base", who, 1, own)


def personalised(federation: Federation, who: str, steps: int, adapter: Path, digest: str) -> ArmRun:
    """Return the run that continues from the federated adapter, in the folder `adapter`, on one participant's data."""
    arm = alone(federation, who, steps)
    spec = arm.federation.training.spec
    start = InitialFrom(uri=str(adapter.absolute()), digest=digest)
    model = spec.model.model_copy(update={"adapter": spec.model.adapter.model_copy(update={"initial_from": start})})
    spec = spec.model_copy(update={"model": model})
    own = _federation(federation, f"personal-{who}", spec, _own_data(federation, who))
    return ArmRun("Personalised", who, steps, own)


def pooled(federation: Federation, data: Mapping[str, Path], steps: int) -> ArmRun:
    """Return the run on all participants' training rows, in the files `data` by data set. Rows are held out only if the
    file selects the best checkpoint."""
    spec = _spec(federation, Participant(name=POOLED), steps)
    if spec.training.keep == "Last":
        spec = spec.model_copy(update={"data": spec.data.model_copy(update={"validation_fraction": 0.0})})
    datasets = tuple(Dataset(name=name, uri=str(path.absolute())) for name, path in data.items())
    policy = ParticipantPolicy(metadata=Metadata(name=POOLED), spec=ParticipantPolicySpec(datasets=datasets))
    return ArmRun("Pooled", None, steps, _federation(federation, POOLED, spec, {POOLED: policy}))


def _own_data(federation: Federation, who: str) -> dict[str, ParticipantPolicy]:
    """Return the participant's policy without what it refuses to federations: one participant alone shares nothing, and
    trains in one round as many steps as in all."""
    policy = federation.policies[who]
    limits = Limits(gpu_memory=policy.spec.limits.gpu_memory)
    own = ParticipantPolicySpec(datasets=policy.spec.datasets, base_model=policy.spec.base_model, limits=limits)
    return {who: policy.model_copy(update={"spec": own})}


def arm_name(run: str, suffix: str) -> str:
    """Return `<run>-<suffix>`, shortened to a valid name; a digest keeps a shortened name unique."""
    name = f"{run}-{suffix}"
    if len(name) <= LONGEST_NAME:
        return name
    digest = digest_bytes(name.encode()).removeprefix("blake3:")[:8]
    return f"{name[: LONGEST_NAME - 9].rstrip('-')}-{digest}"


def _spec(federation: Federation, participant: Participant, steps: int) -> FederatedTrainingSpec:
    spec = federation.training.spec
    rounds, training = spec.rounds, spec.training
    deadline = f"{seconds(rounds.deadline) * rounds.count:.0f}s"
    once = {"count": 1, "min_participants": None, "below_minimum": "Fail", "deadline": deadline}
    return spec.model_copy(
        update={
            "participants": (participant,),
            "rounds": rounds.model_copy(update=once),
            "training": training.model_copy(update={"length": Length(type="Steps", steps=steps)}),
            "partitioning": Partitioning(),
            "aggregation": Aggregation(merge=spec.aggregation.merge),  # the same parameters are trained
            "privacy": None,  # one participant alone shares nothing
            "evaluation": Evaluation(),  # measured afterwards, beside the others, and once
        }
    )


def _federation(
    federation: Federation, suffix: str, spec: FederatedTrainingSpec, policies: dict[str, ParticipantPolicy]
) -> Federation:
    metadata = federation.training.metadata
    named = metadata.model_copy(update={"name": arm_name(metadata.name, suffix)})
    training = federation.training.model_copy(update={"metadata": named, "spec": spec})
    return replace(federation, training=training, policies=policies)
