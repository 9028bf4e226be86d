"""`spec.aggregation`: how the participants' updates become the next global adapter."""

from typing import Literal

from fedtrain.api.base import Block, Fraction, NonNegativeFloat, PositiveFloat

Strategy = Literal["FedAvg", "FedProx", "FedAvgM", "FedAdam", "FedAdagrad", "FedYogi"]


class FedProx(Block):
    """Li et al. 2020: the local loss gains (mu/2) ||w - w_global||^2 over the trained parameters."""

    mu: PositiveFloat
    """How much straying from the global adapter costs."""


class FedAvgM(Block):
    """Hsu et al. 2019: momentum at the server."""

    server_learning_rate: PositiveFloat = 1.0
    """Scales the step."""
    momentum: Fraction = 0.9
    """Share of the last step that stays."""


class FedAdam(Block):
    """Reddi et al. 2021, Algorithm 2."""

    server_learning_rate: PositiveFloat = 0.1
    """Scales the step."""
    beta1: Fraction = 0.9
    """Decay of the first moment."""
    beta2: Fraction = 0.99
    """Decay of the second moment."""
    tau: PositiveFloat = 1e-3
    """Adaptivity: added to the root of the second moment."""
    bias_correction: Literal["None", "Adam", "Flower"] = "None"
    """The paper has none. `Adam`: Kingma and Ba's. `Flower`: as in Flower, which counts one step more."""


class FedAdagrad(Block):
    """Reddi et al. 2021, Algorithm 2, without momentum."""

    server_learning_rate: PositiveFloat = 0.1
    """Scales the step."""
    tau: PositiveFloat = 1e-3
    """Adaptivity: added to the root of the sum of squares."""


class FedYogi(Block):
    """Reddi et al. 2021, Algorithm 2."""

    server_learning_rate: PositiveFloat = 0.01
    """Scales the step."""
    beta1: Fraction = 0.9
    """Decay of the first moment."""
    beta2: Fraction = 0.99
    """Decay of the second moment."""
    tau: PositiveFloat = 1e-3
    """Adaptivity: added to the root of the second moment."""


class ValidationLoss(Block):
    """Weights in proportion to n_i exp(-beta * validation loss_i)."""

    beta: NonNegativeFloat = 1.0
    """How much a worse loss counts; 0 is Samples."""


class MaxUpdateNorm(Block):
    """Updates of a larger L2 norm are quarantined: they stay out of the round."""

    type: Literal["Absolute", "TimesMedian"]
    """`Absolute`, or `TimesMedian`: a multiple of the round's median norm."""
    norm: PositiveFloat | None = None
    """Only with type Absolute."""
    factor: PositiveFloat | None = None
    """Only with type TimesMedian."""


class Aggregation(Block):
    """How the participants' updates become the next global adapter."""

    strategy: Strategy = "FedAvg"
    """The server's step. Every strategy goes with every merge: under FreezeA the adaptive ones keep moments of B
    alone."""
    weights: Literal["Samples", "Uniform", "Fixed", "ValidationLoss"] = "Samples"
    """Of the mean: by distinct `Samples` that were trained on, `Uniform`, each participant's own (`Fixed`), or by
    `ValidationLoss`."""
    merge: Literal["Factors", "FreezeA"] = "Factors"
    """`Factors` averages LoRA's A and B apart. `FreezeA` (FFA-LoRA) shares a fixed A and trains B only, so that the
    average is exact and updates are half as large."""
    fed_prox: FedProx | None = None
    """Only with strategy FedProx."""
    fed_avg_m: FedAvgM | None = None
    """Only with strategy FedAvgM."""
    fed_adam: FedAdam | None = None
    """Only with strategy FedAdam."""
    fed_adagrad: FedAdagrad | None = None
    """Only with strategy FedAdagrad."""
    fed_yogi: FedYogi | None = None
    """Only with strategy FedYogi."""
    validation_loss: ValidationLoss | None = None
    """Only with weights ValidationLoss."""
    max_update_norm: MaxUpdateNorm | None = None
    """The largest update that is let in."""
