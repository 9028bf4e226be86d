"""The pass over the bytes of all updates: decode, measure, combine, and one step on the combined values.

Blocks of values are spread over threads. A thread takes one block through all updates in the order of the close, then
through the step, while the bytes are in its cache: they are read, hashed and added in one go.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from os import sched_getaffinity
from threading import Event

import numpy as np

from fedtrain.ledger.ledger import Ledger
from fedtrain_aggregator.checks.values import bad_value
from fedtrain_aggregator.combine.base import Combination, Float64
from fedtrain_aggregator.engine.norms import CHUNK, square_sums
from fedtrain_aggregator.engine.turns import PassStopped, Turns
from fedtrain_aggregator.engine.update import Measurement, OpenUpdate

SLICE = 8 * CHUNK
"""Values decoded and added at a time: three float64 arrays of 256 KiB, which fit a core's L2 cache together."""


@dataclass(frozen=True)
class Reading:
    """How updates are read: `block` values of each at a time, a multiple of norms.CHUNK, by `threads` threads. Neither
    changes a bit of the result."""

    block: int
    threads: int


def reading_of(ledger: Ledger) -> Reading:
    """Return how to read from this ledger's store. A folder is limited by cores; blocks are small enough for a core's
    cache. A bucket is limited by latency: larger requests, and more of them at a time."""
    if ledger.url.startswith("file:"):
        return Reading(block=4 * SLICE, threads=min(4, len(sched_getaffinity(0))))
    return Reading(block=16 * SLICE, threads=8)


Step = Callable[[int, Float64], None]
"""Takes the number of the first value, and the combined values of a block. Called by several threads, in any order."""


def read_updates(
    updates: Sequence[OpenUpdate],
    count: int,
    reading: Reading,
    combination: Callable[[], Combination] | None = None,
    step: Step | None = None,
) -> list[Measurement]:
    """Read all `count` values of each update once, and return what was measured. With `combination` and `step`, the
    combined values go through the step as well; its results are valid only if no update has a flaw. Raises StoreError,
    OSError."""
    run = _Pass(updates, count, reading, combination, step)
    threads = min(reading.threads, len(run.starts)) if updates else 0
    if not threads:
        return run.measured
    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(run.work, number, threads) for number in range(threads)]
        try:
            errors = [future.exception() for future in futures]
        except BaseException:  # a signal
            run.stopped.set()
            raise
    for error in errors:
        if error is not None and not isinstance(error, PassStopped):
            raise error
    return run.measured


class _Pass:
    """What the threads of one pass share."""

    def __init__(
        self,
        updates: Sequence[OpenUpdate],
        count: int,
        reading: Reading,
        combination: Callable[[], Combination] | None,
        step: Step | None,
    ) -> None:
        self.starts = range(0, count, reading.block)
        self.stopped = Event()
        self.measured = [Measurement(update) for update in updates]
        self._updates = updates
        self._count = count
        self._reading = reading
        self._combination = combination
        self._step = step
        self._turns = Turns(len(self.starts))

    def work(self, first: int, threads: int) -> None:
        """Do block `first` and each `threads`-th after it."""
        combined = self._combination() if self._combination is not None else None
        buffers = np.empty((2, SLICE))
        with np.errstate(all="ignore"):  # values may be anything until they are checked
            for block in range(first, len(self.starts), threads):
                try:
                    self._do_block(block, combined, buffers)
                except BaseException:
                    self.stopped.set()
                    self._turns.stop(block)
                    raise

    def _do_block(self, block: int, combined: Combination | None, buffers: Float64) -> None:
        start = self.starts[block]
        n = min(self._reading.block, self._count - start)
        if combined is not None:
            combined.begin(n)
        for number, update in enumerate(self._updates):
            if self.stopped.is_set():
                raise PassStopped
            offset, length = update.codec.span(start, n)
            content = memoryview(update.reader.read(offset, length))
            sums: list[float] = []
            bad = None
            for at in range(0, n, SLICE):
                m = min(SLICE, n - at)
                values, squares = buffers[0, :m], buffers[1, :m]
                first, size = update.codec.span(start + at, m)
                update.codec.decode(content[first - offset : first - offset + size], values)
                parts = square_sums(values, squares)
                sums += parts
                if bad is None and (found := bad_value(values, parts)) is not None:
                    bad = start + at + found, float(values[found])
                if combined is not None:
                    combined.add(number, slice(at, at + m), values)
            self._turns.wait(block)
            self.measured[number].add(content, sums, bad)
            self._turns.done(block)
            del content
            update.reader.release()
        if combined is not None and self._step is not None:
            self._step(start, combined.result())
