"""One round's local training: AdamW or SGD over the trained weights of the adapter, fresh each round."""

import math
from dataclasses import dataclass

import torch

from fedtrain.api.training import Training
from fedtrain.plurals import several
from fedtrain_trainer.flat import FlatWeights
from fedtrain_trainer.gradients.estimator import GradientEstimator, Rows
from fedtrain_trainer.gradients.plain import PlainGradient
from fedtrain_trainer.gradients.private import PrivateGradient
from fedtrain_trainer.gradients.round import Round
from fedtrain_trainer.group import Group
from fedtrain_trainer.lora import AdaptedModel
from fedtrain_trainer.memory import switch_checkpointing
from fedtrain_trainer.outcome import Progress, Refused
from fedtrain_trainer.schedule import factor, position

CHECKPOINTS = 4
"""How often a round looks at the validation loss when it keeps the best."""


@dataclass(frozen=True)
class Trained:
    """`update`: trained minus received. `loss`: mean per answer token over all steps; `curve`: of each step. Losses and
    tokens are None (and the curve empty) if they are private. `validation_loss`: of the weights that are sent, where it
    is known already."""

    update: dict[str, torch.Tensor]
    steps: int
    tokens: int | None
    loss: float | None
    curve: list[float]
    validation_loss: float | None
    rows: int | None
    """Rows of a micro-batch, as it turned out."""
    skipped: int
    """Steps not taken because gradients overflowed in FP16."""


def train(model: AdaptedModel, rows: Rows, round: Round, group: Group, report: Progress) -> Trained:
    """Train `model`, which holds the received adapter. Raises Refused naming the step of a loss that is not finite, or
    if every step overflowed in FP16."""
    work, training = round.work, round.training
    flat = FlatWeights(model)
    optimizer = _optimizer(training, flat.weights)
    scaler = torch.amp.GradScaler(model.device.type, enabled=round.dtype == torch.float16)
    switch_checkpointing(model, enabled=round.fit.checkpointing)
    model.module.train()
    if work.example_noise is None:
        gradient: GradientEstimator = PlainGradient(model, flat, rows, round, group, scaler)
    else:
        gradient = PrivateGradient(model, flat, rows, round, work.example_noise, group)
    count = gradient.count
    losses: list[float] = []
    total, tokens = 0.0, 0
    skipped = 0
    checkpoints = {math.ceil(count * part / CHECKPOINTS) for part in range(1, CHECKPOINTS + 1)}
    best: tuple[float, torch.Tensor] | None = None
    for step, estimate in enumerate(gradient.estimates(), start=1):
        loss = estimate.loss
        if loss is not None and not math.isfinite(loss):
            raise Refused(
                f"the loss is {loss} at step {step} of {count}; lower `training.learningRate`, or look for rows unlike "
                "the rest"
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
            raise Refused(f"the gradient is {norm} at step {step} of {count}; lower `training.learningRate`")
        for settings in optimizer.param_groups:
            at = position(work.progress_start, work.progress_end, step - 1, count)
            settings["lr"] = training.learning_rate * factor(training, at)
        scaler.step(optimizer)
        scaler.update()
        if loss is not None and estimate.tokens is not None:
            losses.append(loss)
            total, tokens = total + loss * estimate.tokens, tokens + estimate.tokens
        report("training", step, count, total / tokens if tokens else None)
        if round.validate is not None and step in checkpoints:
            measured = round.validate()
            model.module.train()
            if best is None or measured < best[0]:
                best = (measured, flat.weights.data.clone())
    model.module.eval()
    if skipped == count:
        raise Refused(
            f"{several(count, 'step')} overflowed in FP16, so no step was taken; set `training.precision` to "
            "`BF16` or `FP32`"
        )
    if best is not None:
        flat.weights.data.copy_(best[1])
    if not bool(torch.isfinite(flat.weights.data).all()):
        raise Refused(f"the trained weights are not finite after step {count}; lower `training.learningRate`")
    return Trained(
        update=flat.update(),
        steps=count,
        tokens=tokens if losses else None,
        loss=total / tokens if tokens else None,
        curve=losses,
        validation_loss=best[0] if best is not None else None,
        rows=gradient.micro_batch,
        skipped=skipped,
    )


def _optimizer(training: Training, weights: torch.nn.Parameter) -> torch.optim.Optimizer:
    if training.optimizer == "SGD":
        return torch.optim.SGD([weights], lr=training.learning_rate, weight_decay=training.weight_decay, fused=True)
    return torch.optim.AdamW([weights], lr=training.learning_rate, weight_decay=training.weight_decay, fused=True)
