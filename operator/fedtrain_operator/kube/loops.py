"""One loop an object: woken by events, by time, or by a failure; each pass looks at everything anew."""

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
    "From when a pass was asked for to its end.",
    ["object"],
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15, 60),
    registry=None,
)

log = logging.getLogger("fedtrain")

LONGEST_PAUSE_SECONDS = 60.0
AT_ONCE = 32
"""Passes that run at the same time; most of them wait for a store."""


@dataclass(frozen=True)
class Next:
    """When to look again: after so many seconds (None: at the next resync), or never, because the object is gone."""

    after: float | None = None
    forget: bool = False


@dataclass
class _Loop:
    wake: asyncio.Event
    since: float | None = None
    """Since when a pass has been due."""
    asked: float = 0.0
    """When the newest pass was asked for."""
    task: asyncio.Task[None] | None = None
    passed: bool = False
    """Whether there was a pass."""


def a_thread_for_every_pass() -> None:
    """Stores are called in threads; those that hang must not keep the passes of others waiting."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(AT_ONCE, "pass"))


class Loops:
    """`reconcile` makes one pass over an object. What it raises is logged and tried again, ever more slowly."""

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

    def wake_all(self) -> None:
        for ref in list(self._loops):
            self.wake(ref)

    def overdue(self) -> float:
        """Seconds that the pass which is due the longest has been due."""
        now = time.monotonic()
        return max((now - loop.since for loop in self._loops.values() if loop.since is not None), default=0.0)

    def objects(self) -> tuple[int, int]:
        """How many there are, and how many of them this process has looked at."""
        return len(self._loops), sum(loop.passed for loop in self._loops.values())

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
                said = f"{type(error).__name__}: {error}"
                log.warning("%s", said, exc_info=_is_ours(error), extra={self._name: str(ref)})
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


def _is_ours(error: Exception) -> bool:
    """Whether the traceback says more than the message: a mistake in the program, not a server's answer."""
    return isinstance(error, (TypeError, KeyError, AttributeError, AssertionError, IndexError, ValueError))
