"""`spec.aggregation`: how the participants' updates become the next global adapter."""

from typing import ClassVar, Literal

from fedtrain.api.base import Block, Fraction, NonNegativeFloat, PositiveFloat, Union

Strategy = Literal["FedAvg", "FedProx", "FedAvgM", "FedAdam", "FedAdagrad", "FedYogi"]


class FedProx(Block):
    """FedProx (Li et al. 2020): adds (mu/2) ||w - w_global||^2 over the trained parameters to the local loss."""

    mu: PositiveFloat
    """Weight of the proximal term. Higher values keep local training closer to the global adapter."""


class FedAvgM(Block):
    """FedAvgM (Hsu et al. 2019): FedAvg with server momentum."""

    server_learning_rate: PositiveFloat = 1.0
    """Factor of the step."""
    momentum: Fraction = 0.9
    """Momentum factor."""


class FedAdam(Block):
    """FedAdam (Reddi et al. 2021, Algorithm 2)."""

    server_learning_rate: PositiveFloat = 0.1
    """Factor of the step."""
    beta1: Fraction = 0.9
    """Decay of the first moment."""
    beta2: Fraction = 0.99
    """Decay of the second moment."""
    tau: PositiveFloat = 1e-3
    """Adaptivity: added to the root of the second moment."""
    bias_correction: Literal["None", "Adam", "Flower"] = "None"
    """Bias correction of the moments. `None`: none, as in the paper. `Adam`: as in Kingma and Ba 2015. `Flower`: as in
    Flower, which counts one additional step."""


class FedAdagrad(Block):
    """FedAdagrad (Reddi et al. 2021, Algorithm 2, without momentum)."""

    server_learning_rate: PositiveFloat = 0.1
    """Factor of the step."""
    tau: PositiveFloat = 1e-3
    """Adaptivity: added to the root of the sum of squares."""


class FedYogi(Block):
    """FedYogi (Reddi et al. 2021, Algorithm 2)."""

    server_learning_rate: PositiveFloat = 0.01
    """Factor of the step."""
    beta1: Fraction = 0.9
    """Decay of the first moment."""
    beta2: Fraction = 0.99
    """Decay of the second moment."""
    tau: PositiveFloat = 1e-3
    """Adaptivity: added to the root of the second moment."""


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


class Aggregation(Block):
    """How the participants' updates become the next global adapter."""

    unions: ClassVar[tuple[Union, ...]] = (
        Union(
            discriminator="strategy",
            required={"FedProx": "fedProx"},
            optional={"FedAvgM": "fedAvgM", "FedAdam": "fedAdam", "FedAdagrad": "fedAdagrad", "FedYogi": "fedYogi"},
        ),
        Union(discriminator="weights", optional={"ValidationLoss": "validationLoss"}),
    )

    strategy: Strategy = "FedAvg"
    """Strategy of the server's optimizer step. All strategies support both values of `merge`; with `FreezeA`, adaptive
    strategies keep moments of B only."""
    weights: Literal["Samples", "Uniform", "Fixed", "ValidationLoss"] = "Samples"
    """Weights of the mean of the updates. `Samples`: number of distinct samples trained on. `Uniform`: equal weights.
    `Fixed`: each participant's `weight`. `ValidationLoss`: samples, discounted by the validation loss."""
    merge: Literal["Factors", "FreezeA"] = "Factors"
    """`Factors` averages LoRA's A and B separately. `FreezeA` (FFA-LoRA) shares a fixed A and trains B only, so that
    the average is exact and updates are half as large."""
    fed_prox: FedProx | None = None
    """Parameters of FedProx. Only with strategy FedProx."""
    fed_avg_m: FedAvgM | None = None
    """Parameters of FedAvgM. Only with strategy FedAvgM."""
    fed_adam: FedAdam | None = None
    """Parameters of FedAdam. Only with strategy FedAdam."""
    fed_adagrad: FedAdagrad | None = None
    """Parameters of FedAdagrad. Only with strategy FedAdagrad."""
    fed_yogi: FedYogi | None = None
    """Parameters of FedYogi. Only with strategy FedYogi."""
    validation_loss: ValidationLoss | None = None
    """Parameters of ValidationLoss. Only with weights ValidationLoss."""
    max_update_norm: MaxUpdateNorm | None = None
    """Upper bound on the L2 norm of updates. The default is 100 times the median norm of the round."""
