"""The processes that train together: one by default, several under torchrun."""

import os
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist

from fedtrain.contracts.exit_codes import EXIT_DONE, EXIT_LEDGER, EXIT_REFUSED
from fedtrain.ledger.store import LedgerRefused
from fedtrain_trainer.failures import judged
from fedtrain_trainer.outcome import Refused, Retry

T = TypeVar("T")

_KINDS: dict[int, type[Exception]] = {EXIT_REFUSED: Refused, EXIT_LEDGER: LedgerRefused}
"""What the other processes raise for the main one's outcome; Retry for all other codes."""


class Group:
    """`rank` of `world` processes. Only the main one, rank 0, talks to the ledger; what it reads is broadcast."""

    def __init__(self, rank: int = 0, world: int = 1) -> None:
        self.rank = rank
        self.world = world

    @classmethod
    def joined(cls) -> "Group":
        """The group that torchrun's environment describes; joins it over NCCL on GPUs, gloo on CPU."""
        world = int(os.environ.get("WORLD_SIZE", "1"))
        if world == 1:
            return cls()
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        backend = "nccl" if torch.cuda.is_available() else "gloo"
        dist.init_process_group(backend, timeout=timedelta(minutes=30))
        return cls(dist.get_rank(), world)

    @property
    def is_main(self) -> bool:
        return self.rank == 0

    def leave(self) -> None:
        if self.world > 1:
            dist.destroy_process_group()

    def sum_(self, tensor: torch.Tensor) -> None:
        """Sums a tensor over all processes, in place."""
        if self.world > 1:
            dist.all_reduce(tensor)

    def totals(self, *values: float, device: torch.device) -> list[float]:
        if self.world == 1:
            return list(values)
        tensor = torch.tensor(values, dtype=torch.float64, device=device)
        self.sum_(tensor)
        return tensor.tolist()

    def from_main(self, make: Callable[[], T]) -> T:
        """What `make` gives in the main process, in all of them; what goes wrong there fails them all alike."""
        if self.world == 1:
            return make()
        held: list[tuple[int, object]] = [(EXIT_DONE, None)]
        failed: Exception | None = None
        if self.is_main:
            try:
                held = [(EXIT_DONE, make())]
            except Exception as error:
                failed = error
                held = [judged(error)]
        dist.broadcast_object_list(held, src=0)
        if failed is not None:
            raise failed
        code, value = held[0]
        if code != EXIT_DONE:
            raise _KINDS.get(code, Retry)(str(value))
        return value  # pyright: ignore[reportReturnType]
