"""The step stage: the server's side of each strategy, one file each. Importing a file here registers it."""

from fedtrain_aggregator.strategies import fed_adagrad, fed_adam, fed_avg, fed_avg_m, fed_prox, fed_yogi
from fedtrain_aggregator.strategies.base import Block, State, Strategy, register, strategy_of

__all__ = [
    "Block",
    "State",
    "Strategy",
    "fed_adagrad",
    "fed_adam",
    "fed_avg",
    "fed_avg_m",
    "fed_prox",
    "fed_yogi",
    "register",
    "strategy_of",
]
