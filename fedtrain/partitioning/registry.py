"""The strategies by name."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from fedtrain.api.partitioning import Partitioning
from fedtrain.partitioning.situation import Situation, Want

Wants = Callable[[Partitioning, Situation], tuple[Want, ...]]


@dataclass(frozen=True)
class Strategy:
    """`wants` gives one want a candidate, in order. With `whole_passes` every round is a pass of its own, which
    nothing exhausts."""

    name: str
    wants: Wants
    whole_passes: bool = False


class Registry(Mapping[str, Strategy]):
    """Strategies by name; the same name twice is a ValueError."""

    def __init__(self, *strategies: Strategy) -> None:
        self._strategies: dict[str, Strategy] = {}
        for strategy in strategies:
            if strategy.name in self._strategies:
                raise ValueError(f"two partitioning strategies are called {strategy.name}")
            self._strategies[strategy.name] = strategy

    def __getitem__(self, name: str) -> Strategy:
        return self._strategies[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._strategies)

    def __len__(self) -> int:
        return len(self._strategies)
