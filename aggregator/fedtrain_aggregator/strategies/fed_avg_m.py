"""FedAvgM (Hsu, Qi, Brown 2019): momentum on the mean update D, m_0 = 0.

    m <- momentum * m + D
    x <- x + serverLearningRate * m

>>> import numpy as np
>>> x, state = fed_avg_m(np.float32([1.0]), np.float32([2.0]), {"m": np.float32([4.0])}, 2, FedAvgM(momentum=0.5))
>>> x.tolist(), state["m"].tolist()
([5.0], [4.0])
"""

from fedtrain.api.aggregation_strategies import FedAvgM
from fedtrain_aggregator.strategies.base import Block, State, register


@register("FedAvgM", state=("m",), params=FedAvgM)
def fed_avg_m(x: Block, update: Block, state: State, step: int, params: FedAvgM) -> tuple[Block, State]:
    m = params.momentum * state["m"] + update
    return x + params.server_learning_rate * m, {"m": m}
