"""FedAdagrad (Reddi et al. 2021, Algorithm 2) with beta1 = 0, so that m = D; v_0 = 0.

    v <- v + D^2
    x <- x + serverLearningRate * D / (sqrt(v) + tau)

>>> import numpy as np
>>> params = FedAdagrad(server_learning_rate=0.5, tau=1.0)
>>> x, state = fed_adagrad(np.float32([1.0]), np.float32([4.0]), {"v": np.float32([9.0])}, 2, params)
>>> state["v"].tolist(), round(float(x[0]), 6)   # 1 + .5 * 4 / (5 + 1)
([25.0], 1.333333)
"""

import numpy as np

from fedtrain.api.aggregation_strategies import FedAdagrad
from fedtrain_aggregator.strategies.base import Block, State, register


@register("FedAdagrad", state=("v",), params=FedAdagrad)
def fed_adagrad(x: Block, update: Block, state: State, step: int, params: FedAdagrad) -> tuple[Block, State]:
    v = state["v"] + update * update
    return x + params.server_learning_rate * update / (np.sqrt(v) + params.tau), {"v": v}
