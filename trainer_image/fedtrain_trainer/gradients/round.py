"""What a round trains with."""

from collections.abc import Callable
from dataclasses import dataclass

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
