"""What a round trains with."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from fedtrain.api.training import Training
from fedtrain.contracts.tasks import Train
from fedtrain_trainer.memory import Fit


@dataclass(frozen=True)
class Round:
    """`dtype`: of the frozen base and the computation. `validate` returns the validation loss of the current weights;
    without it, the last weights are kept."""

    work: Train
    training: Training
    dtype: torch.dtype
    fit: Fit
    validate: Callable[[], float] | None
    noise_seed: bytes | None = field(default=None, repr=False)
    """Secret of this execution, from which the rows of each step and the noise are drawn (`work.example_noise`)."""
