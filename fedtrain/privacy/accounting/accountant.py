"""The interface of the accountants: each bounds epsilon of a run's releases at a given delta, under one neighbouring
relation."""

from collections.abc import Mapping
from typing import Literal, Protocol

from fedtrain.privacy.accounting.release import Release, Sampling

Relation = Literal["ZeroOut", "AddOrRemoveOne"]
"""Which two inputs must be hard to tell apart. `ZeroOut`: one unit's contribution is replaced by zeros, and the number
of contributions is public (Kairouz et al. 2021, Definition 1.1). `AddOrRemoveOne`: one unit is added or removed."""


class Accountant(Protocol):
    """Computes an upper bound of epsilon. `name` is shown beside each epsilon. `smallest_multiplier`: it refuses
    releases with a smaller noise multiplier."""

    @property
    def name(self) -> str: ...

    @property
    def relation(self) -> Relation: ...

    @property
    def smallest_multiplier(self) -> float: ...

    def supports(self, sampling: Sampling) -> bool:
        """Return whether releases with this sampling can be composed."""
        ...

    def epsilon(self, releases: Mapping[Release, int], delta: float) -> float:
        """Return epsilon of all releases (each with the number of times it was made) at `delta`."""
        ...
