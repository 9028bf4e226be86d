"""The trainer as a TorchX component: `torchx run -s local_cwd .../component.py:task --assignment FILE` runs one task.

Needs the extra `torchx`. The schedulers of TorchX (Slurm, Kubernetes, Docker, ...) take the same component.
"""

import sys

import torchx.specs as specs


def task(assignment: str, processes: int = 1, image: str = "", memory_mib: int = 4096) -> specs.AppDef:
    """Run one task under torchrun.

    Args:
        assignment: file with the assignment, JSON
        processes: number of processes that train together on one node
        image: image to run; the current directory with the scheduler local_cwd
        memory_mib: memory to request from a scheduler, in MiB
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
