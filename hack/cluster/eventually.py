"""Waiting for what a cluster brings about in its own time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PATIENCE_SECONDS = 300.0
"""What takes longer is a fault, also on a machine that does much else at the same time."""


def eventually(read: Callable[[], T | None], seconds: float = PATIENCE_SECONDS) -> T:
    """The first truthy value that `read` returns.

    Raises:
        AssertionError: no truthy value within `seconds`.
    """
    until = time.monotonic() + seconds
    while not (value := read()):
        assert time.monotonic() < until, f"still {value!r} after {seconds:.0f} s"
        time.sleep(0.1)
    return value
