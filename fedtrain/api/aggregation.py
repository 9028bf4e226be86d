"""`spec.aggregation`: how the participants' updates become the next global adapter."""

from typing import ClassVar, Literal

from fedtrain.api.aggregation_strategies import AGGREGATION_STRATEGIES
from fedtrain.api.base import Block, NonNegativeFloat, PositiveFloat, Union
from fedtrain.api.strategies import StrategyBlock, with_strategies


class ValidationLoss(Block):
    """Weights proportional to n_i exp(-beta * validation loss_i)."""

    beta: NonNegativeFloat = 1.0
    """How strongly a higher loss lowers the weight; 0 gives the same weights as Samples."""


class MaxUpdateNorm(Block):
    """Upper bound on the L2 norm of an update. Updates with a larger norm are quarantined: the round continues without
    them."""

    unions: ClassVar[tuple[Union, ...]] = (
        Union(discriminator="type", required={"Absolute": "norm", "TimesMedian": "factor"}),
    )

    type: Literal["Absolute", "TimesMedian"]
    """`Absolute`: a fixed norm. `TimesMedian`: a multiple of the median norm of the round's updates, if there are three
    or more."""
    norm: PositiveFloat | None = None
    """The largest norm. Only with type Absolute."""
    factor: PositiveFloat | None = None
    """The multiple. Only with type TimesMedian."""


DEFAULT_MAX_UPDATE_NORM = MaxUpdateNorm(type="TimesMedian", factor=100)
"""Applies where `maxUpdateNorm` is not set: far above the differences between participants with different data and
learning rates, far below an update that has diverged."""


@with_strategies(AGGREGATION_STRATEGIES)
class Aggregation(StrategyBlock):
    """How the participants' updates become the next global adapter."""

    unions: ClassVar[tuple[Union, ...]] = (
        Union(discriminator="weights", optional={"ValidationLoss": "validationLoss"}),
    )

    strategy: str = "FedAvg"
    """Strategy of the server's optimizer step. All strategies support both values of `merge`; with `FreezeA`, adaptive
    strategies keep moments of B only."""
    weights: Literal["Samples", "Uniform", "Fixed", "ValidationLoss"] = "Samples"
    """Weights of the mean of the updates. `Samples`: number of distinct samples trained on. `Uniform`: equal weights.
    `Fixed`: each participant's `weight`. `ValidationLoss`: samples, discounted by the validation loss."""
    merge: Literal["Factors", "FreezeA"] = "Factors"
    """How LoRA's matrices A and B are averaged. `Factors`: A and B separately. `FreezeA`: A is fixed and shared, and
    only B is trained, as in FFA-LoRA. The average is then exact, and updates are half as large."""
    validation_loss: ValidationLoss | None = None
    """Parameters of ValidationLoss. Only with weights ValidationLoss."""
    max_update_norm: MaxUpdateNorm | None = None
    """Upper bound on the L2 norm of updates. The default is 100 times the median norm of the round."""
