"""Waiting for what a cluster brings about in its own time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PATIENCE_SECONDS = 600.0
"""What takes longer is a fault, also on a machine that does much else at the same time."""
SHORTEST_PAUSE, LONGEST_PAUSE = 0.1, 0.5


def eventually(read: Callable[[], T | None], seconds: float = PATIENCE_SECONDS, *, often: bool = False) -> T:
    """The first truthy value that `read` returns. Reads less and less often, for each read takes the cluster's time;
    for a state that soon passes, ask for `often`.

    Raises:
        AssertionError: no truthy value within `seconds`.
    """
    until, pause = time.monotonic() + seconds, SHORTEST_PAUSE
    while not (value := read()):
        assert time.monotonic() < until, f"still {value!r} after {seconds:.0f} s"
        time.sleep(pause)
        pause = pause if often else min(1.1 * pause, LONGEST_PAUSE)
    return value
