"""The processes that work on a task together: one by default, several under torchrun."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import torch

T = TypeVar("T")


class Group:
    """A group of one process. `fedtrain_trainer.distributed` has that of several."""

    rank = 0
    world = 1

    @property
    def is_main(self) -> bool:
        """Whether this process is the one that talks to the ledger: rank 0."""
        return self.rank == 0

    def leave(self) -> None:
        """Leave the group once all is done."""

    def sum_(self, tensor: "torch.Tensor") -> None:
        """Sum a tensor over all processes, in place."""

    def totals(self, *values: float, device: "torch.device") -> list[float]:
        """Return the sum over all processes of each value."""
        return list(values)

    def from_main(self, make: Callable[[], T]) -> T:
        """Return what `make` returns in the main process, in all of them. What goes wrong there fails them all."""
        return make()


def joined() -> Group:
    """Return the group that torchrun's environment describes, after joining it."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        return Group()
    from fedtrain_trainer.distributed import ProcessGroup

    return ProcessGroup.joined(world)
