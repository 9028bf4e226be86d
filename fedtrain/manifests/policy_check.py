"""Decides whether a participant takes a task, and where its data is. The hub asks, the owner's policy decides. Pure."""

from dataclasses import dataclass

from fedtrain.api.base import smallest_quantity
from fedtrain.api.participant_policy import ParticipantPolicySpec
from fedtrain.api.training_task import TrainingTaskSpec
from fedtrain.contracts.tasks import Assignment, Binding
from fedtrain.contracts.wire.task import TaskRefused, from_wire


@dataclass(frozen=True)
class Refusal:
    """Why a task is refused; retrying does not help. `reason`: one word for programs."""

    reason: str
    message: str


def judge(order: TrainingTaskSpec, policy: ParticipantPolicySpec | None) -> Assignment | Refusal:
    """Return the trainer's assignment, with the participant's own places; or the refusal."""
    who = order.task.participant
    if policy is None:
        return Refusal("NoPolicy", f"ParticipantPolicy {who!r} does not exist here. Its owner must apply one")
    try:
        task = from_wire(order.task.model_dump(mode="json", by_alias=True, exclude_none=True))
    except TaskRefused as refused:
        return Refusal(refused.reason, f"{refused}. Update fedtrain at {who}")
    dataset = next((held for held in policy.datasets if held.name == task.data.dataset), None)
    if dataset is None:
        held = ", ".join(sorted(known.name for known in policy.datasets))
        return Refusal("UnknownDataset", f"the policy of {who} has no data set {task.data.dataset!r}; it has: {held}")
    memory = smallest_quantity(policy.limits.gpu_memory, order.compute.gpu_memory)
    return Assignment(task=task, binding=Binding(data_uri=dataset.uri, gpu_memory=memory, storage=order.storage))
