"""Judge a training by the policies of its participants before it is applied or run: the code that judges tasks judges
those that a dry run starts.

Without the data, the number of rows is unknown. A rule is reported then only if it refuses the training with few and
with many rows.
"""

from collections.abc import Callable, Iterator, Mapping

from fedtrain.api.base import in_bytes
from fedtrain.api.participant_policy import ParticipantPolicySpec
from fedtrain.api.reading.federation import Federation
from fedtrain.api.training_task import TrainingTaskSpec
from fedtrain.contracts.records import ModelFacts, Run
from fedtrain.contracts.tasks import Task, Train
from fedtrain.contracts.untrusted_records import DatasetCount, Preflight
from fedtrain.manifests.policy_check import Refusal, refusals, refusals_on_one_machine, task_of
from fedtrain.manifests.privacy_ledger import Entry, entered
from fedtrain.manifests.training_task import training_task
from fedtrain.preview.dry_run import DIGEST, RUN_ID, DryRun, Ends
from fedtrain.rounds.decision import AggregateOrder

FEW, MANY = 2, 10_000
"""Training rows of each data set of a participant in the two dry runs."""
_UNKNOWN = ModelFacts(base_parameters=0, adapter_parameters=0, hidden_size=0, layers=0, vocabulary=0)


Judge = Callable[[TrainingTaskSpec, ParticipantPolicySpec, Mapping[str, Entry]], Iterator[Refusal]]
"""Refusals of a task by a policy, with the participant's ledger of privacy."""


def refused_on_a_cluster(
    order: TrainingTaskSpec, policy: ParticipantPolicySpec, spent: Mapping[str, Entry]
) -> Iterator[Refusal]:
    """Return the refusals of the participant's operator. The chart sets the trainer image, so it counts as an allowed
    one."""
    return refusals(order, policy, next(iter(policy.allow.images), ""), spent)


refused_on_one_machine: Judge = refusals_on_one_machine


def policy_refusals(
    federation: Federation,
    judge: Judge,
    spent: Mapping[str, Mapping[str, Entry]] | None = None,
    counted: Mapping[str, Preflight] | None = None,
) -> dict[str, list[Refusal]]:
    """Return why policies refuse the training, by participant: one refusal for each rule. Participants without a policy
    in the files, and participants whose policy refuses nothing, are missing. `spent`: entries of other trainings in the
    ledgers of privacy, by participant and key. `counted`: the participants' rows, if they are known."""
    if counted is not None:
        return {
            who: [*found.values()] for who, found in _refusals(federation, judge, counted, spent or {}).items() if found
        }
    few, many = (_refusals(federation, judge, _preflights(federation, rows), spent or {}) for rows in (FEW, MANY))
    found = {who: [one for rule, one in many[who].items() if rule in few[who]] for who in many}
    return {who: refused for who, refused in found.items() if refused}


def _refusals(
    federation: Federation,
    judge: Judge,
    preflights: Mapping[str, Preflight],
    spent: Mapping[str, Mapping[str, Entry]],
) -> dict[str, dict[str | None, Refusal]]:
    """Return the first refusal of each rule, by participant."""
    found: dict[str, dict[str | None, Refusal]] = {who: {} for who in federation.policies}
    for order in _orders(federation, preflights):
        task = task_of(order)
        if task.participant not in found:
            continue
        policy = federation.policies[task.participant].spec
        own = spent.get(task.participant, {})
        for refusal in _of_all_rounds(order, task, judge, policy, federation.training.spec.rounds.count, own):
            found[task.participant].setdefault(refusal.rule, refusal)
    return found


def _of_all_rounds(
    order: TrainingTaskSpec,
    task: Task,
    judge: Judge,
    policy: ParticipantPolicySpec,
    rounds: int,
    others: Mapping[str, Entry],
) -> Iterator[Refusal]:
    """Return the refusals of a task and, if the policy limits the privacy loss of all rounds, of the last round's
    task."""
    yield from judge(order, policy, others)
    if not isinstance(task.work, Train) or policy.privacy.max_epsilon is None:
        return
    spent = dict(others)
    for number in range(1, rounds):
        spent |= entered(spent, task.model_copy(update={"round": number}))
    last = order.model_copy(update={"task": order.task.model_copy(update={"round": rounds})})
    yield from judge(last, policy, spent)


def _orders(federation: Federation, preflights: Mapping[str, Preflight]) -> Iterator[TrainingTaskSpec]:
    """Return the tasks of participants up to the end of round 1; fewer if the run would end before."""
    training = federation.training
    run = Run(run_id=RUN_ID, namespace=training.metadata.namespace, name=training.metadata.name, spec={})
    try:
        for start in DryRun(training.spec, run, preflights, _UNKNOWN).orders(1):
            if not isinstance(start.order, AggregateOrder) and start.order.participant is not None:
                task = training_task(training.spec, run, start.key, start.order, start.key.who)
                yield TrainingTaskSpec.model_validate(task["spec"])
    except Ends:
        return


def _preflights(federation: Federation, rows: int) -> dict[str, Preflight]:
    return {one.name: _preflight(federation, one.name, rows) for one in federation.training.spec.participants}


def _preflight(federation: Federation, who: str, rows: int) -> Preflight:
    policy = federation.policies.get(who)
    memory = in_bytes(policy.spec.limits.gpu_memory) if policy else None
    data = federation.training.spec.data
    names = data.names
    parts = tuple(DatasetCount(name=name, samples=rows, validation_samples=0) for name in names)
    return Preflight(
        run_id=RUN_ID,
        participant=who,
        samples=rows * len(names),
        validation_samples=0,
        fingerprint=DIGEST,
        gpu_memory=memory,
        datasets=parts if data.datasets is not None else None,
    )
