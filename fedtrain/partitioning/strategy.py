"""Interface of the partitioning strategies."""

from collections.abc import Callable
from dataclasses import dataclass

from fedtrain.api.partitioning import Partitioning
from fedtrain.partitioning.situation import Situation, Want


@dataclass(frozen=True)
class Strategy:
    """A pure function `wants` that returns one Want per candidate, in order.

    With `whole_passes`, each round is one full pass over the data, and `onExhausted` has no effect.
    """

    wants: Callable[[Partitioning, Situation], tuple[Want, ...]]
    whole_passes: bool = False
