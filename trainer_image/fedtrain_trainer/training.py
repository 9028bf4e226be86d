"""One round's local training: AdamW or SGD over the trained weights of the adapter, fresh each round."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from fedtrain.api.training import Training
from fedtrain.contracts.tasks import Train
from fedtrain_trainer.batches import collate, micro_batches, steps
from fedtrain_trainer.distributed import Group
from fedtrain_trainer.examples import Example
from fedtrain_trainer.flat import FlatWeights
from fedtrain_trainer.lora import AdaptedModel
from fedtrain_trainer.loss import answer_loss
from fedtrain_trainer.memory import Fit, halved, probed, switch_checkpointing
from fedtrain_trainer.outcome import Progress, Refused
from fedtrain_trainer.schedule import factor, position

CHECKPOINTS = 4
"""How often a round looks at the validation loss when it keeps the best."""


@dataclass(frozen=True)
class Trained:
    """`update`: trained minus received. `loss`: mean per answer token over all steps; `curve`: of each step.
    `validation_loss`: of the weights that are sent, where it is known already."""

    update: dict[str, torch.Tensor]
    steps: int
    tokens: int
    loss: float
    curve: list[float]
    validation_loss: float | None
    rows: int | None
    """Rows of a micro-batch, as it turned out."""
    skipped: int
    """Steps not taken because gradients overflowed in FP16."""


@dataclass(frozen=True)
class Round:
    """What a round trains with. `validate` gives the validation loss of the weights as they are; None keeps the
    last."""

    work: Train
    training: Training
    dtype: torch.dtype
    fit: Fit
    validate: Callable[[], float] | None


def train(model: AdaptedModel, examples: Sequence[Example], round: Round, group: Group, told: Progress) -> Trained:
    """Trains `model`, which holds the received adapter. Raises Refused naming the step of a loss that is not finite, or
    if every step overflowed in FP16."""
    work, training = round.work, round.training
    flat = FlatWeights(model)
    optimizer = _optimizer(training, flat.weights)
    scaler = torch.amp.GradScaler(model.device.type, enabled=round.dtype == torch.float16)
    total = rows_of_round(training, len(examples))
    count = math.ceil(total / training.batch_size)
    switch_checkpointing(model, enabled=round.fit.checkpointing)
    rows = round.fit.rows
    losses: list[tuple[float, int]] = []
    skipped = 0
    checkpoints = {math.ceil(count * part / CHECKPOINTS) for part in range(1, CHECKPOINTS + 1)}
    best: tuple[float, torch.Tensor] | None = None
    model.module.train()
    if model.device.type == "cuda":
        rows = _probed(model, flat, examples, round)
    for step, indices in enumerate(steps(len(examples), training.batch_size, total, work.seed), start=1):
        batch = [examples[index] for index in indices]
        tokens = sum(len(example.targets) for example in batch)
        while True:
            try:
                _accumulate(model, flat, batch, tokens, rows, step, round, group, scaler)
                break
            except torch.OutOfMemoryError:
                rows = halved(rows)
        loss = flat.reduce(group).item()
        if not math.isfinite(loss):
            raise Refused(
                f"the loss is {loss} at step {step} of {count}; lower training.learningRate or look at the data"
            )
        scaler.unscale_(optimizer)
        if work.proximal_mu:
            flat.gradient.add_(flat.weights.data - flat.received, alpha=work.proximal_mu)
        norm = flat.norm().item()
        if math.isfinite(norm):
            flat.gradient.mul_(min(1.0, training.max_grad_norm / (norm + 1e-6)))
        elif scaler.is_enabled():  # the scaler skips such a step and tries a smaller scale
            skipped += 1
        else:
            raise Refused(f"the gradient is {norm} at step {step} of {count}; lower training.learningRate")
        for settings in optimizer.param_groups:
            at = position(work.progress_start, work.progress_end, step - 1, count)
            settings["lr"] = training.learning_rate * factor(training, at)
        scaler.step(optimizer)
        scaler.update()
        losses.append((loss, tokens))
        told("training", step, count, loss)
        if round.validate is not None and step in checkpoints:
            measured = round.validate()
            model.module.train()
            if best is None or measured < best[0]:
                best = (measured, flat.weights.data.clone())
    model.module.eval()
    if skipped == count:
        raise Refused(f"all {count} steps overflowed in FP16; set training.precision to BF16 or FP32")
    if best is not None:
        flat.weights.data.copy_(best[1])
    if not bool(torch.isfinite(flat.weights.data).all()):
        raise Refused(f"the trained weights are not finite after step {count}; lower training.learningRate")
    trained = sum(tokens for _, tokens in losses)
    return Trained(
        update=flat.update(),
        steps=count,
        tokens=trained,
        loss=sum(loss * tokens for loss, tokens in losses) / trained,
        curve=[loss for loss, _ in losses],
        validation_loss=best[0] if best is not None else None,
        rows=rows,
        skipped=skipped,
    )


def rows_of_round(training: Training, rows: int) -> int:
    """How many rows a round trains on, repeats counted: whole batches for Steps, at least one row for Epochs."""
    length = training.length
    if length.type == "Steps":
        return (length.steps or 1) * training.batch_size
    return max(1, round(rows * (length.epochs or 1.0)))


def _probed(model: AdaptedModel, flat: FlatWeights, examples: Sequence[Example], round: Round) -> int | None:
    """The rows of a micro-batch that fit, found by trying with the longest ones."""
    by_length = sorted(examples, key=lambda example: -len(example.ids))

    def step(rows: int) -> None:
        answer_loss(model, collate(by_length[:rows], model.device), round.dtype).backward()

    rows = probed(round.fit, step).rows
    flat.clear()
    torch.cuda.empty_cache()
    return rows


def _accumulate(
    model: AdaptedModel,
    flat: FlatWeights,
    batch: Sequence[Example],
    tokens: int,
    rows: int | None,
    step: int,
    round: Round,
    group: Group,
    scaler: torch.amp.GradScaler,
) -> None:
    """Gradient and loss of this process's share, divided by the answer tokens of the whole effective batch, so that
    neither the size of micro-batches nor the number of processes changes what is computed."""
    flat.clear()
    torch.manual_seed(((round.work.seed * 1_000_003 + step) * 65_537 + group.rank) % 2**63)  # dropout
    for micro in micro_batches(batch, group.rank, group.world, rows):
        loss = answer_loss(model, collate(micro, model.device), round.dtype) / tokens
        scaler.scale(loss).backward()
        flat.add_loss(loss)


def _optimizer(training: Training, weights: torch.nn.Parameter) -> torch.optim.Optimizer:
    if training.optimizer == "SGD":
        return torch.optim.SGD([weights], lr=training.learning_rate, weight_decay=training.weight_decay, fused=True)
    return torch.optim.AdamW([weights], lr=training.learning_rate, weight_decay=training.weight_decay, fused=True)
