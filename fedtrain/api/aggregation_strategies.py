"""Strategies of `spec.aggregation`: their parameters and their registration."""

from typing import Literal

from fedtrain.api.base import Block, Fraction, PositiveFloat
from fedtrain.api.strategies import StrategySpec


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


AGGREGATION_STRATEGIES: dict[str, StrategySpec] = {
    "FedAvg": StrategySpec("adds the mean update"),
    "FedProx": StrategySpec("as FedAvg, with a proximal term in the local loss", FedProx),
    "FedAvgM": StrategySpec("server momentum", FedAvgM),
    "FedAdam": StrategySpec("adaptive steps as in Adam", FedAdam),
    "FedAdagrad": StrategySpec("adaptive steps as in Adagrad", FedAdagrad),
    "FedYogi": StrategySpec("adaptive steps as in Yogi", FedYogi),
}
