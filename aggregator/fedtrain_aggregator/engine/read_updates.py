"""The pass over the bytes of all updates: decode, measure, combine, and one step on the combined values.

Blocks of values are spread over threads. A thread takes one block through all updates in the order of the close, then
through the step. A block of one update is summed and hashed while its bytes are in the core's cache.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event

import numpy as np

from fedtrain.cores import usable_cores
from fedtrain.ledger.ledger import Ledger
from fedtrain_aggregator.checks.values import bad_value
from fedtrain_aggregator.combine.base import Combination, Float64
from fedtrain_aggregator.engine.turns import PassStopped, Turns
from fedtrain_aggregator.engine.update import Measurement, OpenUpdate
from fedtrain_aggregator.kernels import CHUNK, square_sums
from fedtrain_aggregator.layout import FLOAT32_BYTES

_BLOCK = 128 * CHUNK
"""2 MiB of float32 values, with 4 MiB of sums in a core's share of the L3 cache. Smaller blocks spend more time between
the kernels than the L2 cache saves."""

_LEAD = 4
"""Updates that neighbouring threads are apart at most."""

_STREAMS = 16
"""Updates of which a bucket sends all bytes in one answer each. Each holds a connection, and memory of the system for
bytes that have arrived; more updates are read by one request for each block, which costs several times as much."""

_STREAM_THREADS = 4
"""Threads that read such answers, if there are not more cores: the system receives while they work, so they hardly wait
for the network. Each has sums in memory, and the caches have room for few."""


@dataclass(frozen=True)
class Reading:
    """How updates are read: `block` values of each at a time, a multiple of kernels.CHUNK, by up to `threads` threads.
    Up to `streams` updates are read front to back, each in one request to the store. None of them changes a bit of the
    result."""

    block: int
    threads: int
    streams: int = 0


def reading_of(ledger: Ledger) -> Reading:
    """Return how to read from this ledger's store: a folder is limited by cores, a bucket by latency."""
    if ledger.url.startswith("file:"):
        return Reading(block=_BLOCK, threads=min(4, usable_cores()))
    return Reading(block=_BLOCK, threads=8, streams=_STREAMS)


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
    if not updates:
        return []
    run = _Pass(updates, count, reading, combination, step)
    with ThreadPoolExecutor(run.threads) as pool:
        try:
            futures = [pool.submit(run.work, number) for number in range(run.threads)]
            errors = [future.exception() for future in futures]
        except BaseException:  # a signal, or the system starts no more threads
            run.stop()
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
        self._streams = len(updates) <= reading.streams
        most = max(_STREAM_THREADS, usable_cores()) if self._streams else reading.threads
        self.threads = min(most, reading.threads, -(-count // reading.block))
        turns = -(-count // (reading.block * self.threads))
        self._block = -(-count // (turns * self.threads * CHUNK)) * CHUNK  # so that all threads end together
        self.starts = range(0, count, self._block)
        self.stopped = Event()
        with ThreadPoolExecutor(reading.threads) as pool:
            self.measured = list(pool.map(self._begun, updates))
        self._updates = updates
        self._count = count
        self._combination = combination
        self._step = step
        self._turns = Turns(len(self.starts), lead=min(_LEAD, max(1, len(updates) // self.threads)))

    def _begun(self, update: OpenUpdate) -> Measurement:
        if self._streams:
            update.reader.stream(0)
        return Measurement(update)

    def work(self, first: int) -> None:
        """Do block `first` and each `threads`-th after it."""
        block = first
        try:
            combined = self._combination() if self._combination is not None else None
            buffer = np.empty(self._block * FLOAT32_BYTES, np.uint8).data
            with np.errstate(all="ignore"):  # values may be anything until they are checked
                for block in range(first, len(self.starts), self.threads):
                    self._do_block(block, combined, buffer)
        except BaseException:
            self.stopped.set()
            self._turns.stop(block)
            raise

    def stop(self) -> None:
        """End all threads, also those that wait for one that never started."""
        self.stopped.set()
        for block in range(len(self.starts)):
            self._turns.stop(block)

    def _do_block(self, block: int, combined: Combination | None, buffer: memoryview) -> None:
        start = self.starts[block]
        n = min(self._block, self._count - start)
        if combined is not None:
            combined.begin(n)
        for number in range(len(self._updates)):
            self._add(block, start, n, number, combined, buffer)
        if combined is not None and self._step is not None:
            self._step(start, combined.result())

    def _add(
        self, block: int, start: int, n: int, number: int, combined: Combination | None, buffer: memoryview
    ) -> None:
        if self.stopped.is_set():
            raise PassStopped
        update = self._updates[number]
        if self._streams:  # the bytes of the previous block come first
            self._turns.wait(block, number)
        content = memoryview(update.reader.read(*update.codec.span(start, n), buffer))
        values = update.codec.decode(content)
        sums = square_sums(values) if combined is None else combined.add(number, values)
        bad = bad_value(values, sums)
        if not self._streams:
            self._turns.wait(block, number)
        self.measured[number].add(content, sums, None if bad is None else (start + bad, float(values[bad])))
        self._turns.done(block)
        del content, values
        update.reader.release()
