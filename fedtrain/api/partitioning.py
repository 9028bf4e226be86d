"""`spec.partitioning`: number of samples that each participant trains on in a round."""

from typing import Literal

from fedtrain.api.partitioning_strategies import PARTITIONING_STRATEGIES
from fedtrain.api.strategies import StrategyBlock, with_strategies


@with_strategies(PARTITIONING_STRATEGIES)
class Partitioning(StrategyBlock):
    """Number of samples that each participant trains on in a round."""

    strategy: str = "All"
    """How the number is chosen."""
    on_exhausted: Literal["Wrap", "Clip", "Idle"] = "Wrap"
    """Behavior when a participant reaches the end of its data. `Wrap`: the slice continues with a new pass, in a new
    order. `Clip`: the last slice contains the remaining samples; then the participant sits out. `Idle`: remaining
    samples that do not fill a slice are not used; the participant sits out. Must be `Wrap` with `All`, where every
    round is one full pass."""
