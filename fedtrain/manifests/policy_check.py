"""Decides whether a participant takes a task, and where its data is. The hub asks, the owner's policy decides. Pure."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from fedtrain.api.base import in_bytes, seconds, smallest
from fedtrain.api.data import described
from fedtrain.api.participant_policy import Dataset, ParticipantPolicySpec, PendingApproval
from fedtrain.api.rules import policy as rules
from fedtrain.api.rules.policy.approval import awaits_approval
from fedtrain.api.rules.policy.rule import Request, Situation
from fedtrain.api.rules.policy.stores import ca_file_of
from fedtrain.api.storage import Storage
from fedtrain.api.training_task import TrainingTaskSpec
from fedtrain.contracts.canonical import canonical_json
from fedtrain.contracts.digests import digest_bytes
from fedtrain.contracts.noise_share_check import share_flaw
from fedtrain.contracts.places import Places, places_of_participant
from fedtrain.contracts.tasks import Assignment, Binding, Task, Train, needs_noise_key
from fedtrain.contracts.wire.task import TaskRefused, from_wire
from fedtrain.manifests.pod import FINGERPRINT_KEY, NOISE_KEY
from fedtrain.manifests.privacy_ledger import (
    Entry,
    Unit,
    adds_noise,
    entered,
    promised,
    released,
    sharing,
    towards_hub,
)
from fedtrain.privacy.accounting import Release


@dataclass(frozen=True)
class Refusal:
    """Why a task is refused; retrying does not help. `reason`: one word for programs; `rule`: the policy's field;
    `asks`: the training's field that asks for too much. `problem` and `change` are parts of the message: what is wrong,
    and what the training's author changes."""

    reason: str
    message: str
    rule: str | None = None
    asks: str | None = field(default=None, compare=False)
    problem: str = field(default="", compare=False)
    change: str = field(default="", compare=False)


@dataclass(frozen=True)
class Wait:
    """Why a task waits. `reason`: one word for programs; `rule`: the policy's field; `approval`: the training, if the
    owner has to approve it."""

    reason: str
    message: str
    rule: str | None = None
    approval: PendingApproval | None = None


def judge(
    order: TrainingTaskSpec,
    policy: ParticipantPolicySpec | None,
    image: str,
    spent: Mapping[str, Entry] | None = None,
    start: str | None = None,
) -> Assignment | Refusal:
    """Return the trainer's assignment, with the participant's own places; or the refusal. `image`: of the trainer. A
    task names no Secrets: those of the places are the policy's. `spent`: the participant's ledger of privacy, by
    key. `start`: see `fedtrain.manifests.privacy_ledger.entered`."""
    who = order.task.participant
    if policy is None:
        problem = f"ParticipantPolicy {who!r} does not exist in the participant's cluster"
        return _told("NoPolicy", problem, "Its owner must apply one with `kubectl apply`")
    if refusal := next(refusals(order, policy, image, spent, start), None):
        return refusal
    task = task_of(order)
    datasets = policy.named(task.data.names)
    memory = in_bytes(smallest(policy.limits.gpu_memory, order.compute.gpu_memory))
    places = places_of_participant(_ledger(order, policy), task.model, policy, datasets)
    return Assignment(task=task, binding=_binding(task, datasets, memory, places))


def refusals(
    order: TrainingTaskSpec,
    policy: ParticipantPolicySpec,
    image: str,
    spent: Mapping[str, Entry] | None = None,
    start: str | None = None,
) -> Iterator[Refusal]:
    """Return all reasons to refuse a task. Arguments as in `judge`."""
    who = order.task.participant
    try:
        task = task_of(order)
    except TaskRefused as refused:
        yield Refusal(refused.reason, f"{refused}. Update fedtrain at {who}")
        return
    for objection in rules.refusals(_request(order, task, image, policy, spent, start), policy):
        yield _refusal(who, objection)
    held = sorted(known.name for known in policy.datasets)
    if missing := [name for name in task.data.names if name not in held]:
        names = " and ".join(map(repr, missing))
        field = "data.datasets" if len(task.data.names) > 1 else "data.dataset"
        yield _told(
            "UnknownDataset",
            f"the policy of {who} has no data set {names}; it has: {', '.join(held)}",
            f"Name one of these in `{field}`, or ask the owner of {who} to add {names} to `datasets` in its "
            "ParticipantPolicy",
        )
    if needs_noise_key(task) and policy.privacy.noise_key_secret_ref is None:
        problem = f"{who}'s policy has no privacy.noiseKeySecretRef, but the task asks for a share of noise"
        yield _told("NoNoiseKey", problem, _CREATE_NOISE_KEY.format(who=who))


def refusals_on_one_machine(
    order: TrainingTaskSpec, policy: ParticipantPolicySpec, spent: Mapping[str, Entry] | None = None
) -> Iterator[Refusal]:
    """Return all reasons of `fedtrain run` to refuse a task. Arguments as in `judge`."""
    request = _request(order, task_of(order), "", policy, spent)
    for objection in rules.refusals_on_one_machine(request, policy):
        yield _refusal(order.task.participant, objection)


def _refusal(who: str, objection: rules.Objection) -> Refusal:
    by = f"{who}'s policy ({objection.field})" if objection.field else who
    message = f"{by} refuses the task: {objection.problem}. {objection.fix(who)}"
    problem, change = objection.problem, objection.change_of(who)
    return Refusal("PolicyRefused", message, objection.field, objection.asks, problem, change)


def _told(reason: str, problem: str, change: str) -> Refusal:
    return Refusal(reason, f"{problem}. {change}", problem=problem, change=change)


_CREATE_NOISE_KEY = (
    "Ask the owner of {who} to create a Secret (`kubectl create secret generic fedtrain-noise --from-literal=key=$("
    "openssl rand -hex 32)`) and to name it in `privacy.noiseKeySecretRef` of its ParticipantPolicy"
)


def _binding(task: Task, datasets: Iterable[Dataset], memory: int | None, places: Places) -> Binding:
    key = NOISE_KEY if needs_noise_key(task) else None
    uris = tuple(dataset.uri for dataset in datasets)
    return Binding(data_uris=uris, gpu_memory=memory, noise_key=key, fingerprint_key=FINGERPRINT_KEY, places=places)


def _ledger(order: TrainingTaskSpec, policy: ParticipantPolicySpec) -> Storage:
    """The location of the ledger, which is reached with signed requests."""
    storage = order.storage.without_credentials()
    assert storage.s3 is not None  # a ledger in a folder is refused
    s3 = storage.s3.model_copy(update={"ca_file": ca_file_of(order.storage, policy)})
    return storage.model_copy(update={"s3": s3})


def why_held(order: TrainingTaskSpec, policy: ParticipantPolicySpec, image: str, situation: Situation) -> Wait | None:
    """Return why a task that is not refused has to wait."""
    task, who = task_of(order), order.task.participant
    request = _request(order, task, image, policy)
    objection = rules.hold(request, policy, situation)
    if objection is None:
        return None
    approval = _approval(request, task) if awaits_approval(request, policy) else None
    why = ". ".join(filter(None, (objection.problem, objection.change_of(who), objection.then)))
    message = f"{who}'s policy ({objection.field}) lets the task wait: {why}"
    return Wait("HeldByPolicy", message, objection.field, approval)


def capped(order: TrainingTaskSpec, policy: ParticipantPolicySpec) -> TrainingTaskSpec:
    """Return the task with the shorter of its own and the policy's run time."""
    limit = policy.limits.task_duration
    if limit is None or seconds(order.timeout) <= seconds(limit):
        return order
    return order.model_copy(update={"timeout": limit})


def training_digest(order: TrainingTaskSpec, task: Task) -> str:
    """Return the digest of what stays the same in all tasks of a training for one participant."""
    parts = (task.model, task.data, task.training, order.storage)
    content = [part.model_dump(mode="json", by_alias=True, exclude_none=True) for part in parts]
    return digest_bytes(canonical_json([task.namespace, task.name, *content]))


def task_of(order: TrainingTaskSpec) -> Task:
    """Return the task in the trainer's contract. Raises TaskRefused."""
    return from_wire(order.task.model_dump(mode="json", by_alias=True, exclude_none=True))


def _request(
    order: TrainingTaskSpec,
    task: Task,
    image: str,
    policy: ParticipantPolicySpec,
    spent: Mapping[str, Entry] | None = None,
    start: str | None = None,
) -> Request:
    work, flaw = task.work if isinstance(task.work, Train) else None, share_flaw(task)
    promise = None if flaw else promised(task)
    entries = {**(spent or {}), **entered(spent or {}, task, start)} if promise else {}
    return Request(
        namespace=task.namespace,
        name=task.name,
        work=task.work.type,
        base=task.model.base,
        base_endpoint=task.model.s3.endpoint if task.model.s3 else None,
        rank=task.model.adapter.rank,
        compute=order.compute,
        image=image,
        storage=order.storage,
        rows=work.distinct if work else None,
        steps=_steps(task, work) if work else None,
        min_participants=task.min_participants,
        unit=promise[0] if promise else None,
        multiplier=promise[1] if promise else None,
        share_flaw=flaw,
        adds_noise=promise is not None and adds_noise(task),
        released=_released(entries, task, policy, promise[0]) if promise else {},
        digest=training_digest(order, task),
    )


def _released(
    entries: Mapping[str, Entry], task: Task, policy: ParticipantPolicySpec, unit: Unit
) -> dict[str, dict[Release, int]]:
    """Return the releases of all trainings on each data set of the task: those that `maxEpsilon` limits."""
    of_entries = released if policy.privacy.noise_location is None else towards_hub
    return {name: of_entries(entries, sharing(policy.datasets, name), unit) for name in task.data.names}


def _steps(task: Task, work: Train) -> int:
    """Optimizer steps of a round, as the trainer counts them at most: rows that are held out are counted here, too."""
    if work.example_noise is not None:
        return work.example_noise.steps
    length = task.training.length
    if length.steps is not None:
        return length.steps
    return max(1, math.ceil(work.samples * (length.epochs or 1.0) / task.training.batch_size))


def _approval(request: Request, task: Task) -> PendingApproval:
    return PendingApproval(
        digest=request.digest,
        namespace=request.namespace,
        name=request.name,
        base=request.base,
        dataset=described(task.data),
        adapter_rank=request.rank,
    )
