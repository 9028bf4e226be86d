"""The interface of the combine stage: from all updates to one direction for the server's step."""

from collections.abc import Sequence
from typing import Protocol

from fedtrain_aggregator.kernels.portable import Float32, Float64


class Combination(Protocol):
    """The combination of one block of values at a time. For one thread."""

    def begin(self, count: int) -> None:
        """Start the next block, of `count` values."""
        ...

    def add(self, update: int, values: Float32) -> Float64:
        """Add the block of update number `update` and return its sums of squares, which a kernel can compute in the
        same pass. Updates come in the order of the close. `values` are read-only, and valid during the call only."""
        ...

    def result(self) -> Float64:
        """Return the combined block. Valid until the next `begin`."""
        ...


class Combine(Protocol):
    """One way to combine updates. Elementwise: value i of the result depends on value i of each update, and on the
    norms of the whole updates where `passes` is 2."""

    passes: int
    """How often the updates are read: 1, or 2 if the norms must be known before the first value is added. The updates
    are combined in the last pass."""

    def combination(self, block: int, norms: Sequence[float]) -> Combination:
        """Return a combination with buffers for blocks of up to `block` values. `norms`: the L2 norm of each update
        from the pass before; empty in the first pass."""
        ...
