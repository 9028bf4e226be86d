"""Whether the participant takes a task, and where its data are here. The hub asks, the policy decides. Pure."""

from dataclasses import dataclass

from pydantic import ValidationError

from fedtrain.api.base import quantity
from fedtrain.api.participant_policy import ParticipantPolicySpec
from fedtrain.api.training_task import TrainingTaskSpec
from fedtrain.contracts.records import CONTRACT_VERSION
from fedtrain.contracts.tasks import Assignment, Binding, Task

FEATURES: frozenset[str] = frozenset()
"""What this trainer knows beyond the contract's first version."""


@dataclass(frozen=True)
class Refusal:
    """Which rule says no, and why; another try would not help."""

    reason: str
    message: str


def judge(order: TrainingTaskSpec, policy: ParticipantPolicySpec | None) -> Assignment | Refusal:
    """What the trainer is to do, with the places that are the participant's own."""
    who = order.task.participant
    if policy is None:
        return Refusal("NoPolicy", f"there is no ParticipantPolicy {who!r} here. Its owner applies one")
    if order.task.contract_version > CONTRACT_VERSION:
        return Refusal(
            "NewerContract",
            f"the task has contract version {order.task.contract_version}, and {who} knows up to {CONTRACT_VERSION}. "
            f"Update fedtrain at {who}",
        )
    if unknown := sorted(set(order.task.required_features) - FEATURES):
        return Refusal("UnknownFeature", f"the task needs {', '.join(unknown)}. Update fedtrain at {who}")
    try:
        task = Task.model_validate_json(order.task.model_dump_json(by_alias=True, exclude_none=True))
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(map(str, problem["loc"]))
        return Refusal("MalformedTask", f"spec.task.{where}: {problem['msg']}. Hub and {who} run different fedtrains")
    dataset = next((held for held in policy.datasets if held.name == task.data.dataset), None)
    if dataset is None:
        held = ", ".join(sorted(known.name for known in policy.datasets))
        return Refusal("UnknownDataset", f"the policy of {who} maps no data set {task.data.dataset!r}; it maps: {held}")
    memory = policy.limits.gpu_memory or order.compute.gpu_memory
    binding = Binding(data_uri=dataset.uri, gpu_memory=quantity(memory) if memory else None, storage=order.storage)
    return Assignment(task=task, binding=binding)
