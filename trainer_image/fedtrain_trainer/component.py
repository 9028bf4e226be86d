"""The trainer as TorchX components: `torchx run -s local_cwd .../component.py:task --assignment FILE` runs one task,
`worker` is what the local runner starts."""

import sys

import torchx.specs as specs


def worker(image: str = "", memory_mib: int = 4096) -> specs.AppDef:
    """One warm worker of the local runner. Where it connects to is in FEDTRAIN_WORKER_ADDRESS, _KEY and _INDEX of the
    environment: an argument list can be read by everyone on the machine.

    Args:
        image: where to run; the current directory with the scheduler local_cwd
        memory_mib: memory to ask a scheduler for
    """
    return specs.AppDef(
        name="fedtrain-worker",
        roles=[
            specs.Role(
                name="worker",
                image=image,
                entrypoint=sys.executable,
                args=["-m", "fedtrain_trainer.worker"],
                num_replicas=1,
                max_retries=0,
                resource=specs.Resource(cpu=1, gpu=0, memMB=memory_mib),
            )
        ],
    )


def task(assignment: str, processes: int = 1, image: str = "", memory_mib: int = 4096) -> specs.AppDef:
    """One task, under torchrun.

    Args:
        assignment: the file with the task and its binding
        processes: how many processes train it together on one node
        image: where to run; the current directory with the scheduler local_cwd
        memory_mib: memory to ask a scheduler for
    """
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    return specs.AppDef(
        name="fedtrain-task",
        roles=[
            specs.Role(
                name="trainer",
                image=image,
                entrypoint=sys.executable,
                args=[*torchrun, "-m", "fedtrain_trainer", "--assignment", assignment],
                num_replicas=1,
                max_retries=0,
                resource=specs.Resource(cpu=processes, gpu=0, memMB=memory_mib),
            )
        ],
    )
