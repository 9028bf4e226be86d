"""Processes, command, resources and threads of a pod, from `compute`. Pure."""

import math

from fedtrain.api.base import amount, smallest
from fedtrain.api.participants import Compute
from fedtrain.api.pods import DEFAULT_RESOURCES, Resources, is_device
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


def granted(compute: Compute, own: Resources, memory: str | None = None) -> Compute:
    """Return what a training gets of what it asks for: no more CPU and memory than the owner's limits. `memory`: a
    further limit of the owner. GPUs are not capped: their number is the number of processes."""
    return compute.model_copy(
        update={
            "cpu": compute.cpu and smallest(compute.cpu, own.limits.get("cpu")),
            "memory": compute.memory and smallest(compute.memory, own.limits.get("memory"), memory),
        }
    )


def resources(compute: Compute, own: Resources, memory: str | None = None) -> Json:
    """Requests and limits of a node's container, both with CPU and memory. `compute`, which is `granted`, sets both to
    the same amount; where it sets none, `own` of the owner and then the defaults apply. No request exceeds its limit.
    `memory`: a further limit of the owner."""
    asked = {"cpu": compute.cpu, "memory": compute.memory}
    gpus = {compute.gpu_resource: str(compute.gpus_per_node)} if compute.gpus_per_node else {}
    given = {name for name in {*own.requests, *own.limits} if _is_given(name, compute, own)}
    requests = {name: value for name, value in own.requests.items() if name in given} | gpus
    limits = {name: value for name, value in own.limits.items() if name in given} | gpus
    for name, wanted in asked.items():
        request = wanted or own.requests.get(name, DEFAULT_RESOURCES.requests[name])
        limit = wanted or own.limits.get(name) or max(request, DEFAULT_RESOURCES.limits[name], key=amount)
        limits[name] = smallest(limit, memory if name == "memory" else None)
        requests[name] = smallest(request, limits[name])
    return {"requests": requests, "limits": limits}


def _is_given(name: str, compute: Compute, own: Resources) -> bool:
    """Whether the owner's amounts of a resource are the pod's. Kubernetes gives a container its limit of a device, so
    that a limit alone, which is a cap on trainings, must not reach the pod. GPUs are those of `compute`."""
    return not is_device(name) or (name in own.requests and name != compute.gpu_resource)


def threads(compute: Compute) -> dict[str, str]:
    """Return the variables of a process's threads: their number, where `compute` sets cores. By default each process
    starts one for every core of its node."""
    if compute.cpu is None:
        return OF_ALL_TRAINERS
    return variables_of_threads(math.floor(amount(compute.cpu) / processes(compute)))


OF_ALL_TRAINERS = {"OMP_WAIT_POLICY": "PASSIVE", "MKL_CBWR": "AUTO,STRICT"}
"""Threads that wait for others give their cores to other processes: on cores that several trainers share, waiting in a
loop made the tasks of the quickstart up to 30 times slower. Products of matrices have the same bytes for any number of
threads, with the processor's best instructions: without it, MKL splits their sums by threads."""


def variables_of_threads(number: int) -> dict[str, str]:
    """Return the variables of a trainer with this number of threads, in a pod or on this machine."""
    return {**OF_ALL_TRAINERS, "OMP_NUM_THREADS": str(max(1, number))}
