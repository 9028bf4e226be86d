"""Processes, command, resources and threads of a pod, from `compute`. Pure."""

import math

from fedtrain.api.participants import Compute
from fedtrain.api.pods import Resources
from fedtrain.manifests.kinds import Json
from fedtrain.manifests.pod import ASSIGNMENT, OUTCOME


def processes(compute: Compute) -> int:
    """Number of processes per node: one per GPU, or one on CPU."""
    return compute.gpus_per_node or 1


def command(compute: Compute, module: str = "fedtrain_trainer") -> list[str]:
    """Return the command: the module alone, or under torchrun. On one node torchrun runs with `--standalone`; on
    several nodes it reads the environment that the training operator sets."""
    start = [module, "--assignment-env", ASSIGNMENT, "--outcome", OUTCOME]
    if compute.nodes > 1:
        return ["torchrun", "-m", *start]
    if processes(compute) > 1:
        return ["torchrun", "--standalone", f"--nproc-per-node={processes(compute)}", "-m", *start]
    return ["python", "-m", *start]


def resources(compute: Compute, default: Resources) -> Json:
    """Requests and limits of a node's container. `compute` sets both to the same amount; `default` applies where it
    sets none."""
    asked: dict[str, str] = {}
    if compute.gpus_per_node:
        asked[compute.gpu_resource] = str(compute.gpus_per_node)
    if compute.memory:
        asked["memory"] = compute.memory
    if compute.cpu:
        asked["cpu"] = compute.cpu
    wanted = {"requests": {**default.requests, **asked}, "limits": {**default.limits, **asked}}
    return {name: amounts for name, amounts in wanted.items() if amounts}


def threads(compute: Compute) -> dict[str, str]:
    """Return the number of threads per process, where `compute` sets cores. By default each process starts one for
    every core of its node."""
    if compute.cpu is None:
        return {}
    cores = float(compute.cpu[:-1]) / 1000 if compute.cpu.endswith("m") else float(compute.cpu)
    return {"OMP_NUM_THREADS": str(max(1, math.floor(cores / processes(compute))))}
