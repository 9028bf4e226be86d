"""The interface of the gradient estimators."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from fedtrain_trainer.examples import Example

Rows = Sequence[Sequence[Example]]
"""Training rows, each with its examples: usually one; one per learned turn with some chat templates; none if the answer
was cut off."""


@dataclass(frozen=True)
class Estimate:
    """`loss`: mean per answer token over the step's batch. `tokens`: number of answer tokens in the batch. Both are
    None if they are private."""

    loss: float | None
    tokens: int | None


class GradientEstimator(Protocol):
    """Chooses the rows of each optimizer step, and writes the gradient of all processes into the flat weights."""

    @property
    def count(self) -> int:
        """Number of optimizer steps in the round."""
        ...

    @property
    def micro_batch(self) -> int | None:
        """Current number of rows in a micro-batch; None if it is chosen by tokens."""
        ...

    def estimates(self) -> Iterator[Estimate]:
        """Yield once per step, after the gradient has been written. The caller then takes the optimizer step."""
        ...
