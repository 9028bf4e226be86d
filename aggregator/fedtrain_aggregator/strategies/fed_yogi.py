"""FedYogi (Reddi et al. 2021, Algorithm 2), m_0 = v_0 = 0. v moves towards D^2 by at most (1 - beta2) D^2 a step.

    m <- beta1 m + (1 - beta1) D
    v <- v - (1 - beta2) D^2 sign(v - D^2)
    x <- x + serverLearningRate * m / (sqrt(v) + tau)

>>> import numpy as np
>>> params = FedYogi(server_learning_rate=1.0, beta1=0.5, beta2=0.5, tau=1.0)
>>> state = {"m": np.float32([2.0]), "v": np.float32([6.0])}
>>> x, state = fed_yogi(np.float32([1.0]), np.float32([2.0]), state, 2, params)
>>> state["m"].tolist(), state["v"].tolist(), round(float(x[0]), 6)   # 6 - .5 * 4; 1 + 2 / (2 + 1)
([2.0], [4.0], 1.666667)
"""

import numpy as np

from fedtrain.api.aggregation_strategies import FedYogi
from fedtrain_aggregator.strategies.base import Block, State, register


@register("FedYogi", state=("m", "v"), params=FedYogi)
def fed_yogi(x: Block, update: Block, state: State, step: int, params: FedYogi) -> tuple[Block, State]:
    m = params.beta1 * state["m"] + (1 - params.beta1) * update
    square = update * update
    v = state["v"] - (1 - params.beta2) * square * np.sign(state["v"] - square)
    return x + params.server_learning_rate * m / (np.sqrt(v) + params.tau), {"m": m, "v": v}
