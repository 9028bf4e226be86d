"""FedAdam (Reddi et al. 2021, Algorithm 2), m_0 = v_0 = 0.

    m <- beta1 m + (1 - beta1) D
    v <- beta2 v + (1 - beta2) D^2
    x <- x + serverLearningRate * m / (sqrt(v) + tau)

`biasCorrection`, with t = 1 at the first committed round:

- `None`: as above, as in the paper;
- `Adam` (Kingma and Ba 2015): m / (1 - beta1^t) and v / (1 - beta2^t) in place of m and v in the last line;
- `Flower`: serverLearningRate times sqrt(1 - beta2^(t+1)) / (1 - beta1^(t+1)), as Flower's FedAdam does (one step
  late, and tau is not scaled with sqrt(v)).

>>> import numpy as np
>>> params = FedAdam(server_learning_rate=1.0, beta1=0.5, beta2=0.75, tau=1.0)
>>> zero = {"m": np.float32([0.0]), "v": np.float32([0.0])}
>>> x, state = fed_adam(np.float32([1.0]), np.float32([4.0]), zero, 1, params)
>>> state["m"].tolist(), state["v"].tolist(), round(float(x[0]), 6)   # 1 + 2 / (sqrt(4) + 1)
([2.0], [4.0], 1.666667)
"""

from math import sqrt

import numpy as np

from fedtrain.api.aggregation_strategies import FedAdam
from fedtrain_aggregator.strategies.base import Block, State, register


@register("FedAdam", state=("m", "v"), params=FedAdam)
def fed_adam(x: Block, update: Block, state: State, step: int, params: FedAdam) -> tuple[Block, State]:
    m = params.beta1 * state["m"] + (1 - params.beta1) * update
    v = params.beta2 * state["v"] + (1 - params.beta2) * (update * update)
    rate, m_scale, v_scale = params.server_learning_rate, 1.0, 1.0
    match params.bias_correction:
        case "None":
            pass
        case "Adam":
            m_scale, v_scale = 1 / (1 - params.beta1**step), 1 / (1 - params.beta2**step)
        case "Flower":
            rate *= sqrt(1 - params.beta2 ** (step + 1)) / (1 - params.beta1 ** (step + 1))
    return x + rate * m_scale * m / (np.sqrt(v_scale * v) + params.tau), {"m": m, "v": v}
