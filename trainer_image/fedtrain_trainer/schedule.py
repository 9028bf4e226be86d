"""The learning rate over the whole run; a round covers its part of it."""

import math

from fedtrain.api.training import Training


def factor(training: Training, position: float) -> float:
    """What `training.learning_rate` is multiplied by at `position`, 0 to 1 over the run: a linear rise over
    `warmup_ratio`, then 1 (Constant), a line to 0 (Linear) or half a cosine wave to 0 (Cosine)."""
    warmup = training.warmup_ratio
    if position < warmup:
        return position / warmup
    rest = (position - warmup) / (1 - warmup)
    if training.schedule == "Cosine":
        return 0.5 * (1 + math.cos(math.pi * rest))
    return 1 - rest if training.schedule == "Linear" else 1.0


def position(start: float, end: float, step: int, steps: int) -> float:
    """Where step `step` (from 0) of a round's `steps` lies in the run: at its middle, so that neither the first step
    of a warm-up nor the last one of a run is spent on a learning rate of zero."""
    return start + (end - start) * (step + 0.5) / steps
