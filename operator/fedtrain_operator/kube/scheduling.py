"""Why no node takes a pod. Pure."""

import re
from collections.abc import Sequence

from fedtrain.api.participants import Compute
from fedtrain.manifests.conditions import find
from fedtrain.manifests.kinds import Json


def unschedulable(who: str, compute: Compute, pods: Sequence[Json]) -> str | None:
    """`bank-b asks for 2 GPUs on 1 node, none has 2 free`, or None if every pod has a node."""
    for pod in pods:
        scheduled = find(pod.get("status", {}).get("conditions", ()), "PodScheduled")
        if scheduled and scheduled["status"] == "False" and scheduled.get("reason") == "Unschedulable":
            return f"{who} asks for {_wish(compute)}, {_lack(compute, scheduled.get('message', ''))}"
    return None


def _wish(compute: Compute) -> str:
    parts = [
        _count(compute.gpus_per_node, "GPU") if compute.gpus_per_node else "",
        f"{compute.cpu} cores" if compute.cpu else "",
        f"{compute.memory} of memory" if compute.memory else "",
    ]
    what = ", ".join(filter(None, parts)) or "a pod"
    return f"{what} on {_count(compute.nodes, 'node')}"


def _lack(compute: Compute, message: str) -> str:
    """What is missing, from a message like `0/3 nodes are available: 2 Insufficient nvidia.com/gpu, 1 node(s) ...`."""
    lacking = re.findall(r"Insufficient ([-./A-Za-z0-9]+[A-Za-z0-9])", message)
    if compute.gpus_per_node and compute.gpu_resource in lacking:
        return (
            f"none has {compute.gpus_per_node} free"
            if compute.nodes == 1
            else f"not enough nodes have {compute.gpus_per_node} free"
        )
    if lacking:
        return f"none has enough {' and '.join(dict.fromkeys(lacking))} free"
    why = re.split("preemption:|no new claims to deallocate", message)[0].strip(" ,.")[:300]
    return f"no node takes it: {why or 'the scheduler gives no reason'}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
