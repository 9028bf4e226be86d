"""`spec.aggregation`: how the participants' updates become the next global adapter."""

from typing import Literal

from fedtrain.api.base import Block, Fraction, NonNegativeFloat, PositiveFloat

Strategy = Literal["FedAvg", "FedProx", "FedAvgM", "FedAdam", "FedAdagrad", "FedYogi"]


class FedProx(Block):
    """Li et al. 2020: the local loss gains (mu/2) ||w - w_global||^2 over the trained parameters."""

    mu: PositiveFloat


class FedAvgM(Block):
    """Hsu et al. 2019: momentum at the server."""

    server_learning_rate: PositiveFloat = 1.0
    momentum: Fraction = 0.9


class FedAdam(Block):
    """Reddi et al. 2021, Algorithm 2. The paper has no bias correction; `Adam` and `Flower` add one."""

    server_learning_rate: PositiveFloat = 0.1
    beta1: Fraction = 0.9
    beta2: Fraction = 0.99
    tau: PositiveFloat = 1e-3
    bias_correction: Literal["None", "Adam", "Flower"] = "None"


class FedAdagrad(Block):
    """Reddi et al. 2021, Algorithm 2, without momentum."""

    server_learning_rate: PositiveFloat = 0.1
    tau: PositiveFloat = 1e-3


class FedYogi(Block):
    """Reddi et al. 2021, Algorithm 2."""

    server_learning_rate: PositiveFloat = 0.01
    beta1: Fraction = 0.9
    beta2: Fraction = 0.99
    tau: PositiveFloat = 1e-3


class ValidationLoss(Block):
    """w_i proportional to n_i exp(-beta * validation loss_i)."""

    beta: NonNegativeFloat = 1.0


class MaxUpdateNorm(Block):
    """Updates beyond this L2 norm are quarantined: absolute, or a multiple of the round's median norm."""

    type: Literal["Absolute", "TimesMedian"]
    norm: PositiveFloat | None = None
    factor: PositiveFloat | None = None


class Aggregation(Block):
    """`merge: Factors` averages LoRA's A and B apart; `FreezeA` (FFA-LoRA) shares a fixed A and trains B only, so
    the average is exact and updates are half as large."""

    strategy: Strategy = "FedAvg"
    weights: Literal["Samples", "Uniform", "Fixed", "ValidationLoss"] = "Samples"
    merge: Literal["Factors", "FreezeA"] = "Factors"
    fed_prox: FedProx | None = None
    fed_avg_m: FedAvgM | None = None
    fed_adam: FedAdam | None = None
    fed_adagrad: FedAdagrad | None = None
    fed_yogi: FedYogi | None = None
    validation_loss: ValidationLoss | None = None
    max_update_norm: MaxUpdateNorm | None = None
