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
    best = _BestWeights(flat, count)
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
        norm = _clip(flat, training.max_grad_norm)
        if not math.isfinite(norm):
            if not scaler.is_enabled():
                raise Refused(f"the gradient is {norm} at step {step} of {count}; lower `training.learningRate`")
            skipped += 1  # the scaler skips such a step and tries a smaller scale
        for settings in optimizer.param_groups:
            at = position(work.progress_start, work.progress_end, step - 1, count)
            settings["lr"] = training.learning_rate * factor(training, at)
        scaler.step(optimizer)
        scaler.update()
        if loss is not None and estimate.tokens is not None:
            losses.append(loss)
            total, tokens = total + loss * estimate.tokens, tokens + estimate.tokens
        report("training", step, count, total / tokens if tokens else None)
        if round.validate is not None and step in best.checkpoints:
            best.offer(round.validate())
            model.module.train()
    model.module.eval()
    if skipped == count:
        raise Refused(
            f"{several(count, 'step')} overflowed in FP16, so no step was taken; set `training.precision` to "
            "`BF16` or `FP32`"
        )
    best.restore()
    if not bool(torch.isfinite(flat.weights.data).all()):
        raise Refused(f"the trained weights are not finite after step {count}; lower `training.learningRate`")
    return Trained(
        update=flat.update(),
        steps=count,
        tokens=tokens if losses else None,
        loss=total / tokens if tokens else None,
        curve=losses,
        validation_loss=best.loss,
        rows=gradient.micro_batch,
        skipped=skipped,
    )


class _BestWeights:
    """The weights of the checkpoint with the lowest validation loss."""

    def __init__(self, flat: FlatWeights, steps: int) -> None:
        self.checkpoints = {math.ceil(steps * part / CHECKPOINTS) for part in range(1, CHECKPOINTS + 1)}
        self.loss: float | None = None
        self._flat = flat
        self._weights: torch.Tensor | None = None

    def offer(self, loss: float) -> None:
        """Keep the current weights if their loss is the lowest so far."""
        if self.loss is None or loss < self.loss:
            self.loss, self._weights = loss, self._flat.weights.data.clone()

    def restore(self) -> None:
        """Load the kept weights, if any."""
        if self._weights is not None:
            self._flat.weights.data.copy_(self._weights)


def _clip(flat: FlatWeights, most: float) -> float:
    """Scale the gradient to a norm of at most `most`, unless it is not finite. Return the norm that it had."""
    norm = flat.norm().item()
    if math.isfinite(norm):
        flat.gradient.mul_(min(1.0, most / (norm + 1e-6)))
    return norm


def _optimizer(training: Training, weights: torch.nn.Parameter) -> torch.optim.Optimizer:
    if training.optimizer == "SGD":
        return torch.optim.SGD([weights], lr=training.learning_rate, weight_decay=training.weight_decay, fused=True)
    return torch.optim.AdamW([weights], lr=training.learning_rate, weight_decay=training.weight_decay, fused=True)
