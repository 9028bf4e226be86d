"""FedProx (Li et al. 2020). The proximal term is in the participants' local loss; the server does what FedAvg does."""

from fedtrain_aggregator.strategies.base import Block, State, register
from fedtrain_aggregator.strategies.fed_avg import fed_avg


@register("FedProx", state=(), params=None)
def fed_prox(x: Block, update: Block, state: State, step: int, params: object) -> tuple[Block, State]:
    return fed_avg(x, update, state, step, params)
