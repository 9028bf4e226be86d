"""One loop per object, woken by events, by time or by a failure. Each pass reads everything again."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from prometheus_client import Histogram

from fedtrain.manifests.kinds import Ref

LATENCY = Histogram(
    "fedtrain_reconcile_latency_seconds",
    "Seconds from a wake-up to the end of its pass.",
    ["object"],
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15, 60),
    registry=None,
)

log = logging.getLogger("fedtrain")

LONGEST_PAUSE_SECONDS = 60.0
AT_ONCE = 32
"""Passes that run at the same time. Most of them wait for a store."""


@dataclass(frozen=True)
class Next:
    """When the next pass is due: after some seconds, at the next resync (None), or never: the object is gone."""

    after: float | None = None
    forget: bool = False


@dataclass
class _Loop:
    wake: asyncio.Event
    since: float | None = None
    """Since when a pass has been due."""
    asked: float = 0.0
    """When the newest pass was requested."""
    task: asyncio.Task[None] | None = None
    passed: bool = False
    """Whether a pass has succeeded."""


def give_every_pass_a_thread() -> None:
    """Stores are called in threads. One that hangs must not delay the passes of other objects."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(AT_ONCE, "pass"))


class Loops:
    """`reconcile` makes one pass over an object. Its errors are logged, and the pass is repeated with back-off."""

    def __init__(self, name: str, reconcile: Callable[[Ref], Awaitable[Next]], resync: float) -> None:
        self._name = name
        self._reconcile = reconcile
        self._resync = resync
        self._loops: dict[Ref, _Loop] = {}
        self._room = asyncio.Semaphore(AT_ONCE)
        self.passes = 0
        self.failures = 0
        self.seconds = 0.0

    def wake(self, ref: Ref) -> None:
        loop = self._loops.get(ref)
        if loop is None:
            loop = self._loops[ref] = _Loop(asyncio.Event())
            loop.task = asyncio.create_task(self._run(ref, loop), name=f"{self._name} {ref}")
        now = time.monotonic()
        loop.since = loop.since or now
        if not loop.wake.is_set():
            loop.asked = now
        loop.wake.set()

    def overdue(self) -> float:
        """Age in seconds of the oldest pass that is due. Safe in a thread while loops come and go."""
        due = [since for loop in list(self._loops.values()) if (since := loop.since) is not None]
        return max(time.monotonic() - min(due), 0.0) if due else 0.0

    def objects(self) -> tuple[int, int]:
        """The number of objects, and how many of them had a pass. Safe in a thread while loops come and go."""
        loops = list(self._loops.values())
        return len(loops), sum(loop.passed for loop in loops)

    async def close(self) -> None:
        tasks = [loop.task for loop in self._loops.values() if loop.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _timed(self, ref: Ref) -> Next:
        self.passes += 1
        began = time.monotonic()
        try:
            return await self._reconcile(ref)
        finally:
            self.seconds += time.monotonic() - began

    async def _run(self, ref: Ref, loop: _Loop) -> None:
        pause = 1.0
        after: float | None = None
        while True:
            wait = self._resync * random.uniform(0.8, 1.2) if after is None else min(after, self._resync)
            try:
                await asyncio.wait_for(loop.wake.wait(), wait)
            except TimeoutError:
                loop.since = loop.asked = time.monotonic()
            loop.wake.clear()
            asked = loop.asked
            try:
                async with self._room:
                    following = await self._timed(ref)
            except Exception as error:
                self.failures += 1
                message = f"{type(error).__name__}: {error}"
                log.warning("%s", message, exc_info=_is_bug(error), extra={self._name: str(ref)})
                following, pause = Next(pause), min(pause * 2, LONGEST_PAUSE_SECONDS)
            else:
                LATENCY.labels(self._name).observe(time.monotonic() - asked)
                pause, loop.passed = 1.0, True
            if not loop.wake.is_set():
                loop.since = None
                if following.forget:
                    del self._loops[ref]
                    return
            after = following.after


def _is_bug(error: Exception) -> bool:
    """Whether the error is a mistake in the program, whose traceback helps, and not a server's answer."""
    return isinstance(error, (TypeError, KeyError, AttributeError, AssertionError, IndexError, ValueError))
