"""`limits.nodes`, `limits.gpus`, `limits.memory`: compute resources of a task."""

from fedtrain.api.base import quantity
from fedtrain.api.participant_policy import Limits, ParticipantPolicySpec
from fedtrain.api.rules.participants import positive_size
from fedtrain.api.rules.policy.rule import Request, refuses

memory_is_positive = positive_size(Limits, "memory", "the memory of one node", "64Gi")


@refuses("limits.nodes")
def nodes_are_within_the_limit(request: Request, policy: ParticipantPolicySpec) -> str | None:
    return _more(request.compute.nodes, policy.limits.nodes, "nodes")


@refuses("limits.gpus")
def gpus_are_within_the_limit(request: Request, policy: ParticipantPolicySpec) -> str | None:
    return _more(request.compute.nodes * request.compute.gpus_per_node, policy.limits.gpus, "GPUs")


@refuses("limits.memory")
def memory_is_within_the_limit(request: Request, policy: ParticipantPolicySpec) -> str | None:
    asked, limit = request.compute.memory, policy.limits.memory
    if asked is None or limit is None or quantity(asked) <= quantity(limit):
        return None
    return f"it asks for {asked} of memory per node; the limit is {limit}"


def _more(asked: int, limit: int | None, what: str) -> str | None:
    if limit is None or asked <= limit:
        return None
    return f"it asks for {asked} {what}; the limit is {limit}"
