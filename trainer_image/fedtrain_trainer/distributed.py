"""A group of several processes, which torchrun has started: over NCCL on GPUs, gloo on CPU."""

import logging
import os
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist

from fedtrain.contracts.exit_codes import EXIT_DONE, EXIT_LEDGER, EXIT_REFUSED
from fedtrain.ledger.store import LedgerRefused
from fedtrain_trainer.failures import judged
from fedtrain_trainer.group import Group
from fedtrain_trainer.outcome import Refused, Retry

log = logging.getLogger("fedtrain.trainer")

T = TypeVar("T")

_KINDS: dict[int, type[Exception]] = {EXIT_REFUSED: Refused, EXIT_LEDGER: LedgerRefused}
"""What the other processes raise for the main one's outcome; Retry for all other codes."""


class ProcessGroup(Group):
    """`rank` of `world` processes. What the main one reads from the ledger is broadcast."""

    def __init__(self, rank: int, world: int) -> None:
        self.rank = rank
        self.world = world

    @classmethod
    def joined(cls, world: int) -> "ProcessGroup":
        """Join the group of `world` processes that torchrun's environment describes. Raises Retry if they cannot
        connect to each other."""
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        backend = "nccl" if torch.cuda.is_available() else "gloo"
        try:
            dist.init_process_group(backend, timeout=timedelta(minutes=30))
        except RuntimeError as error:  # DistError is one; errors of gloo have no class of their own
            log.warning("%s", error)
            at = f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}"
            raise Retry(
                f"the processes of the task cannot connect to each other at {at} ({type(error).__name__}). Check that "
                "the address can be reached and that the port is free"
            ) from error
        return cls(dist.get_rank(), world)

    def leave(self) -> None:
        dist.destroy_process_group()

    def sum_(self, tensor: torch.Tensor) -> None:
        dist.all_reduce(tensor)

    def totals(self, *values: float, device: torch.device) -> list[float]:
        tensor = torch.tensor(values, dtype=torch.float64, device=device)
        self.sum_(tensor)
        return tensor.tolist()

    def from_main(self, make: Callable[[], T]) -> T:
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
