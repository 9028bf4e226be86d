"""Before round 1: what a participant has. Works without torch, whose import takes longer than most rows do."""

import ctypes

from fedtrain.api.base import smallest
from fedtrain.contracts.untrusted_records import DatasetCount, Preflight
from fedtrain_trainer.context import Context
from fedtrain_trainer.data import Split, participant_of, participant_rows


def inspect(context: Context) -> Preflight:
    task = context.task
    with context.timed("data"):
        split = participant_rows(context)
    return context.ledger.put_record(
        Preflight(
            run_id=task.run_id,
            participant=participant_of(task),
            samples=split.training_rows,
            validation_samples=len(split.validation),
            fingerprint=split.fingerprint,
            gpu_memory=gpu_memory(context),
            datasets=_counts(split) if task.data.datasets is not None else None,
        )
    )


def _counts(split: Split) -> tuple[DatasetCount, ...]:
    return tuple(
        DatasetCount(name=one.name, samples=len(one.train), validation_samples=len(one.validation))
        for one in split.datasets
    )


def gpu_memory(context: Context) -> int | None:
    """Return the free bytes of one GPU, at most what policy and training allow; without a GPU, the latter."""
    allowed = context.binding.gpu_memory
    if not has_cuda_driver():
        return allowed
    import torch

    if not torch.cuda.is_available():
        return allowed
    free, _ = torch.cuda.mem_get_info()
    return smallest(free, allowed)


def has_cuda_driver() -> bool:
    """Return whether asking torch for a GPU can find one."""
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True
