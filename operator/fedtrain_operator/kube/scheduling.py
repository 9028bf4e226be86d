"""Why no node takes a pod. Pure."""

import re
from collections.abc import Sequence

from fedtrain.api.participants import Compute
from fedtrain.manifests.conditions import find
from fedtrain.manifests.kinds import Json
from fedtrain_operator.kube.pod_fixes import PodFields, fields_of


def unschedulable(who: str, compute: Compute, pods: Sequence[Json]) -> str | None:
    """`bank-b's job asks for 2 GPUs on 1 node, but no node has 2 free. ...`, or None if every pod has a node."""
    for pod in pods:
        scheduled = find(pod.get("status", {}).get("conditions", ()), "PodScheduled")
        if scheduled and scheduled["status"] == "False" and scheduled.get("reason") == "Unschedulable":
            lack, fix = _lack(compute, scheduled.get("message", ""), fields_of(who))
            return f"{who}'s job asks for {_wish(compute)}, but {lack}. {fix}"
    return None


def _wish(compute: Compute) -> str:
    parts = [
        _count(compute.gpus_per_node, "GPU") if compute.gpus_per_node else "",
        f"{compute.cpu} cores" if compute.cpu else "",
        f"{compute.memory} of memory" if compute.memory else "",
    ]
    what = ", ".join(filter(None, parts)) or "a pod"
    return f"{what} on {'1 node' if compute.nodes == 1 else f'each of {compute.nodes} nodes'}"


def _lack(compute: Compute, message: str, fields: PodFields) -> tuple[str, str]:
    """What is missing, from a message like `0/3 nodes are available: 2 Insufficient nvidia.com/gpu, 1 node(s) ...`, and
    what to do."""
    lacking = list(dict.fromkeys(re.findall(r"Insufficient ([-./A-Za-z0-9]+[A-Za-z0-9])", message)))
    nodes = ("nodes",) if compute.nodes > 1 else ()
    if compute.gpus_per_node and compute.gpu_resource in lacking:
        have = "no node has" if compute.nodes == 1 else "not enough nodes have"
        return f"{have} {compute.gpus_per_node} free", _wait_or_lower(fields.node("gpusPerNode", *nodes))
    if lacking:
        known = [name for name in lacking if name in ("cpu", "memory")]
        lower = f"{fields.node(*known, *nodes)}, or `resources` in {fields.pods}" if known else fields.pods
        return f"no node has enough {' and '.join(lacking)} free", _wait_or_lower(lower)
    why = re.split("preemption:|no new claims to deallocate", message)[0].strip(" ,.")[:300]
    fix = f"Correct {fields.pods}, or ask {fields.administrator}. The pod then starts by itself"
    return f"no node takes it: {why or 'the scheduler gives no reason'}", fix


def _wait_or_lower(fields: str) -> str:
    return f"The pod starts by itself once they are free. Where no node has that many, lower {fields}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
