"""Negative log-likelihood of answers."""

from collections.abc import Callable, Sequence

import torch
from torch.nn.functional import cross_entropy

from fedtrain_trainer.batches import Batch, collate, micro_batches
from fedtrain_trainer.examples import Example
from fedtrain_trainer.group import Group
from fedtrain_trainer.lora import AdaptedModel
from fedtrain_trainer.outcome import Refused
from fedtrain_trainer.precision import computing


def answer_loss(model: AdaptedModel, batch: Batch, dtype: torch.dtype) -> torch.Tensor:
    """Summed negative log-likelihood of the batch's targets, a scalar in fp32."""
    with computing(dtype, model.device):
        logits = model.logits(batch.ids, batch.sources)
    return cross_entropy(logits.float(), batch.targets, reduction="sum")


@torch.inference_mode()
def mean_loss(
    model: AdaptedModel,
    examples: Sequence[Example],
    dtype: torch.dtype,
    group: Group,
    report: Callable[[int, int], None] = lambda step, steps: None,
) -> float:
    """Mean negative log-likelihood per answer token, over all processes. Raises Refused when it is not finite."""
    model.module.eval()
    total = 0.0
    batches = micro_batches(examples, group.rank, group.world, None)
    for step, micro in enumerate(batches, start=1):
        total += answer_loss(model, collate(micro, model.device), dtype).item()
        report(step, len(batches))
    tokens = sum(len(example.targets) for example in examples)
    (total,) = group.totals(total, device=model.device)
    mean = total / tokens
    if mean != mean or mean in (float("inf"), float("-inf")):
        raise Refused(f"the loss on held-out data is {mean}; lower `training.learningRate`, or check base and adapter")
    return mean
