"""`limits.nodes`, `limits.gpus`, `limits.memory`, `pods.resources.limits`: compute resources of a task."""

from fedtrain.api.base import smallest
from fedtrain.api.participant_policy import Limits, ParticipantPolicySpec
from fedtrain.api.rules.participants import positive_size
from fedtrain.api.rules.policy.rule import Request, refuses
from fedtrain.plurals import several

memory_is_positive = positive_size(Limits, "memory", "the memory of one node", "64Gi")


@refuses("limits.nodes", asks="spec.participants.compute.nodes")
def nodes_are_within_the_limit(request: Request, policy: ParticipantPolicySpec) -> str | None:
    return _more(request.compute.nodes, policy.limits.nodes, "node")


@refuses("limits.gpus", asks="spec.participants.compute.gpusPerNode")
def gpus_are_within_the_limit(request: Request, policy: ParticipantPolicySpec) -> str | None:
    return _more(request.compute.nodes * request.compute.gpus_per_node, policy.limits.gpus, "GPU")


@refuses("limits.memory", asks="spec.participants.compute.memory")
def memory_is_within_the_limit(request: Request, policy: ParticipantPolicySpec) -> str | None:
    asked, limit = request.compute.memory, policy.limits.memory
    if asked is None or smallest(asked, limit) == asked:
        return None
    return f"it asks for {asked} of memory per node; the limit is {limit}"


@refuses("pods.resources.limits", asks="spec.participants.compute.gpusPerNode")
def gpus_are_within_the_limit_of_pods(request: Request, policy: ParticipantPolicySpec) -> str | None:
    """CPU and memory are capped at the limits of pods. A pod with fewer GPUs than processes cannot train."""
    asked, name = request.compute.gpus_per_node, request.compute.gpu_resource
    limit = policy.pods.resources.limits.get(name)
    if smallest(str(asked), limit) == str(asked):
        return None
    return f"it asks for {asked} {name} per node; the limit is {limit}"


def _more(asked: int, limit: int | None, what: str) -> str | None:
    if limit is None or asked <= limit:
        return None
    return f"it asks for {several(asked, what)}; the limit is {limit}"
