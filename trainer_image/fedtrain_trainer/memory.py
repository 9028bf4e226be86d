"""How many rows a process holds at a time, and whether it keeps activations."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from fedtrain.api.base import smallest
from fedtrain.api.training import Training
from fedtrain.partitioning.memory import max_batch
from fedtrain_trainer.lora import AdaptedModel
from fedtrain_trainer.outcome import Refused, Retry

WORTH_CHECKPOINTING = 4
"""With fewer rows at a time than this a GPU idles; recomputing activations then costs less than it wins."""


@dataclass(frozen=True)
class Fit:
    """`rows` of a micro-batch; None: by tokens, on CPU."""

    rows: int | None
    checkpointing: bool


def limit(gpu_memory: int | None, device: torch.device) -> None:
    """Keep this process within the GPU memory that its owner allows."""
    if device.type == "cuda":
        _, total = torch.cuda.mem_get_info(device)
        torch.cuda.set_per_process_memory_fraction(smallest(total, gpu_memory) / total, device)


def fit(
    model: AdaptedModel, training: Training, max_length: int, share: int, dtype: torch.dtype, gpu_memory: int | None
) -> Fit:
    """From the memory model of `fedtrain.partitioning.memory`: a prior, which the trainer's first step corrects.
    `share`: rows of an effective batch that this process has. Raises Refused when not one row fits."""
    enabled = training.gradient_checkpointing == "Enabled"
    if model.device.type != "cuda":
        return Fit(training.micro_batch_size, enabled)
    free, _ = torch.cuda.mem_get_info(model.device)
    free += torch.cuda.memory_allocated(model.device)  # the base model is in the formula
    budget = smallest(free, gpu_memory)

    def largest(checkpointing: bool) -> int:
        return max_batch(
            model.facts(),
            budget,
            max_length=max_length,
            checkpointing="Enabled" if checkpointing else "Disabled",
            value_bytes=dtype.itemsize,
        )

    plain, saving = largest(False), largest(True)
    wanted = min(share, training.micro_batch_size or share)
    if training.gradient_checkpointing == "Auto":
        enabled = plain < min(wanted, WORTH_CHECKPOINTING) and saving > plain
    rows = training.micro_batch_size or min(share, max(1, saving if enabled else plain))
    return Fit(rows, enabled)


def probed(fit: Fit, step: Callable[[int], None]) -> Fit:
    """Halves the rows until one step with them, of the longest rows there are, is within memory."""
    rows = fit.rows
    while rows is not None:
        try:
            step(rows)
            break
        except torch.OutOfMemoryError:
            rows = halved(rows)
    return Fit(rows, fit.checkpointing)


def halved(rows: int | None) -> int:
    """After running out of memory with `rows` at a time. Raises Retry when it can't be less."""
    if rows is None or rows <= 1:
        raise Retry(
            "out of memory, even with one row at a time; set `training.gradientCheckpointing: Enabled` or lower "
            "`data.maxLength`"
        )
    return rows // 2


def switch_checkpointing(model: AdaptedModel, *, enabled: bool) -> None:
    if enabled == model.checkpointing:
        return
    if not model.module.supports_gradient_checkpointing:
        raise Refused("training.gradientCheckpointing is Enabled, but the base model has none; set it to `Disabled`")
    if enabled:
        model.module.gradient_checkpointing_enable({"use_reentrant": False})
    else:
        model.module.gradient_checkpointing_disable()
    model.checkpointing = enabled
