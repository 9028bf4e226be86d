"""What compute means for pods: processes, command, resources. Pure."""

import math

from fedtrain.api.participants import Compute
from fedtrain.manifests.kinds import Json
from fedtrain.manifests.pod import ASSIGNMENT, OUTCOME


def processes(compute: Compute) -> int:
    """Of each node: one a GPU; one on CPU."""
    return compute.gpus_per_node or 1


def command(compute: Compute, module: str = "fedtrain_trainer") -> list[str]:
    """The module alone, or under torchrun. On one node torchrun meets itself (`--standalone`); on several it takes
    everything from the environment that the training operator sets."""
    start = [module, "--assignment-env", ASSIGNMENT, "--outcome", OUTCOME]
    if compute.nodes > 1:
        return ["torchrun", "-m", *start]
    if processes(compute) > 1:
        return ["torchrun", "--standalone", f"--nproc-per-node={processes(compute)}", "-m", *start]
    return ["python", "-m", *start]


def resources(compute: Compute) -> Json:
    """GPUs and memory are limits (and so requests); cores are requested alone: throttling helps nobody."""
    requests: dict[str, str] = {}
    limits: dict[str, str] = {}
    if compute.gpus_per_node:
        requests[compute.gpu_resource] = limits[compute.gpu_resource] = str(compute.gpus_per_node)
    if compute.memory:
        requests["memory"] = limits["memory"] = compute.memory
    if compute.cpu:
        requests["cpu"] = compute.cpu
    return {name: value for name, value in {"requests": requests, "limits": limits}.items() if value}


def threads(compute: Compute) -> dict[str, str]:
    """Threads of each process, where cores are asked for: else each would start one for every core of its node."""
    if compute.cpu is None:
        return {}
    cores = float(compute.cpu[:-1]) / 1000 if compute.cpu.endswith("m") else float(compute.cpu)
    return {"OMP_NUM_THREADS": str(max(1, math.floor(cores / processes(compute))))}
