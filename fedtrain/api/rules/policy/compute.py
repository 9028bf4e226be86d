"""`limits.nodes`, `limits.gpus`, `limits.memory`, `pods.resources.limits`: compute resources of a task."""

from fedtrain.api.base import smallest
from fedtrain.api.participant_policy import Limits, ParticipantPolicySpec
from fedtrain.api.rules.participants import positive_size
from fedtrain.api.rules.policy.rule import Reason, Request, refuses
from fedtrain.plurals import several

memory_is_positive = positive_size(Limits, "memory", "the memory of one node", "64Gi")


@refuses("limits.nodes", asks="spec.participants.compute.nodes", owner="raise {field}")
def nodes_are_within_the_limit(request: Request, policy: ParticipantPolicySpec) -> Reason | None:
    asked, limit = request.compute.nodes, policy.limits.nodes
    if limit is None or asked <= limit:
        return None
    return _more(several(asked, "node"), limit)


@refuses("limits.gpus", asks="spec.participants.compute.gpusPerNode", owner="raise {field}")
def gpus_are_within_the_limit(request: Request, policy: ParticipantPolicySpec) -> Reason | None:
    nodes, limit = request.compute.nodes, policy.limits.gpus
    asked = nodes * request.compute.gpus_per_node
    if limit is None or asked <= limit:
        return None
    if nodes == 1:
        return _more(several(asked, "GPU"), limit)
    problem = f"the training asks for {several(asked, 'GPU')} ({nodes} x {request.compute.gpus_per_node})"
    return Reason(f"{problem}; the limit is {limit}", "Lower `compute.nodes` or {asks}")


@refuses("limits.memory", asks="spec.participants.compute.memory", owner="raise {field}")
def memory_is_within_the_limit(request: Request, policy: ParticipantPolicySpec) -> Reason | None:
    asked, limit = request.compute.memory, policy.limits.memory
    if asked is None or limit is None or smallest(asked, limit) == asked:
        return None
    return _more(f"{asked} of memory per node", limit)


@refuses("pods.resources.limits", asks="spec.participants.compute.gpusPerNode", owner="raise {field}")
def gpus_are_within_the_limit_of_pods(request: Request, policy: ParticipantPolicySpec) -> Reason | None:
    """CPU and memory are capped at the limits of pods. A pod with fewer GPUs than processes cannot train."""
    asked, name = request.compute.gpus_per_node, request.compute.gpu_resource
    limit = policy.pods.resources.limits.get(name)
    if limit is None or smallest(str(asked), limit) == str(asked):
        return None
    return _more(f"{asked} {name} per node", limit)


def _more(asked: str, limit: int | str) -> Reason:
    return Reason(f"the training asks for {asked}; the limit is {limit}", f"Lower {{asks}} to {limit}")
