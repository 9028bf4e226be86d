"""Interface of the strategies, and their registry.

A strategy is a pure function over flat float32 blocks: element i of its outputs depends on element i of its inputs
alone, so that an adapter is worked through block by block, and the size of the blocks changes no bit.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from fedtrain.api.aggregation import Aggregation
from fedtrain.api.base import Block as ApiBlock

Block = NDArray[np.floating[Any]]
"""float32[n]: n neighbouring elements of an adapter, an update or a state tensor. Python's numbers don't widen float32
(NEP 50); the type says `floating` since numpy's stubs don't know that."""

State = Mapping[str, Block]
"""The block of each state tensor of the strategy, by its name."""

P = TypeVar("P", bound=ApiBlock)


@dataclass(frozen=True)
class Strategy:
    """A strategy with its parameters. `state`: the names of its state tensors, each the size of what is trained, zero
    before the first step."""

    name: str
    state: tuple[str, ...]
    step: Callable[[Block, Block, State, int], tuple[Block, State]]
    """(x, mean update, state, t) -> (next x, next state), t = 1 for the run's first committed round."""


_REGISTRY: dict[str, Callable[[Aggregation], Strategy]] = {}


def register(
    name: str, *, state: tuple[str, ...], params: type[P] | None
) -> Callable[[Callable[[Block, Block, State, int, P], tuple[Block, State]]], Callable[..., tuple[Block, State]]]:
    """Register a function (x, mean update, state, t, params) -> (x', state') as strategy `name`. `params`: class of its
    parameters in `spec.aggregation`; None if it has none. Raises ValueError if the name is taken."""

    def enter(function: Callable[[Block, Block, State, int, P], tuple[Block, State]]):
        if name in _REGISTRY:
            raise ValueError(f"There are two strategies named {name}. Give one of them another name.")

        def build(aggregation: Aggregation) -> Strategy:
            mine: Any = aggregation.parameters(params) if params else None
            return Strategy(name, state, lambda x, update, blocks, t: function(x, update, blocks, t, mine))

        _REGISTRY[name] = build
        return function

    return enter


def strategy_of(aggregation: Aggregation) -> Strategy:
    """Return the strategy that `spec.aggregation` names. Raises KeyError if none of that name is registered."""
    return _REGISTRY[aggregation.strategy](aggregation)
