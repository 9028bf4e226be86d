"""FedAvg (McMahan et al. 2017): x <- sum w_i x_i, which is x + D with D = sum w_i (x_i - x).

>>> import numpy as np
>>> fed_avg(np.float32([1.0, 2.0]), np.float32([0.5, -1.0]), {}, 1, None)[0].tolist()
[1.5, 1.0]
"""

from fedtrain_aggregator.strategies.base import Block, State, register


@register("FedAvg", state=(), params=None)
def fed_avg(x: Block, update: Block, state: State, step: int, params: object) -> tuple[Block, State]:
    return x + update, state
