"""The engine: passes, bytes in memory, failures."""

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock, Thread
from typing import Any

import numpy as np
import pytest
from fedtrain_aggregator.aggregate import combine_updates
from fedtrain_aggregator.combine import Mean
from fedtrain_aggregator.combine.base import Float64
from fedtrain_aggregator.combine.running_sum import RunningSum
from fedtrain_aggregator.decode import Float32
from fedtrain_aggregator.engine.read_updates import Reading, read_updates
from fedtrain_aggregator.engine.update import OpenUpdate
from round_on_disk import DIGEST

from fedtrain.contracts.records import Closed
from fedtrain.ledger.s3_reader import AHEAD, RangedReader
from fedtrain.ledger.store import StoreUnavailable
from tests.support.updates import an_update

COUNT = 5 * 4096 + 7
HEADER = 8


class Memory:
    """Bytes that readers have handed out and not got back, and the most at any time."""

    def __init__(self) -> None:
        self.held = 0
        self.most = 0
        self.lock = Lock()

    def add(self, count: int) -> None:
        with self.lock:
            self.held += count
            self.most = max(self.most, self.held)


class Reader:
    """An ObjectReader of float32 values that counts passes, and fails at byte `broken`. `offsets`: where the reads
    of the last stream began."""

    def __init__(self, value: float, memory: Memory, broken: int | None = None) -> None:
        self.content = bytes(HEADER) + np.full(COUNT, value, np.float32).tobytes()
        self.size = len(self.content)
        self.passes = 0
        self._memory = memory
        self._unreleased: list[int] = []
        self._broken = broken
        self.offsets: list[int] | None = None

    def stream(self, offset: int) -> None:
        self.offsets = []

    def read(self, offset: int, length: int, buffer: memoryview | None = None) -> bytes | memoryview:
        if self.offsets is not None:
            self.offsets.append(offset)
        if self._broken is not None and offset <= self._broken < offset + length:
            raise StoreUnavailable("connection reset")
        if offset > 0:
            self.passes += offset == HEADER
            self._memory.add(length)
            self._unreleased.append(length)
        content = self.content[offset : offset + length]
        if buffer is None:
            return content
        buffer[:length] = content
        return buffer[:length]

    def release(self) -> None:
        self._memory.add(-self._unreleased.pop() if self._unreleased else 0)

    def close(self) -> None:
        pass


RECORD = an_update(participant="anna")


def opened(reader: Any) -> OpenUpdate:
    closed = Closed(participant="anna", attempt=1, digest=DIGEST, record=DIGEST)
    return OpenUpdate(closed, RECORD, reader, Float32(HEADER))


class ClippedMean:
    """A toy variant that scales updates to norm 1 at most: it needs all norms before the first sum."""

    passes = 2

    def combination(self, block: int, norms: Sequence[float]) -> RunningSum:
        return RunningSum([1 / max(1.0, norm) / len(norms) for norm in norms], block)


def collected(updates: Sequence[OpenUpdate], combine: Any, reading: Reading) -> Float64:
    found = np.zeros(COUNT)

    def step(start: int, values: Float64) -> None:
        found[start : start + len(values)] = values

    combine_updates(updates, COUNT, reading, combine, step)
    return found


def test_a_variant_that_needs_two_passes_gets_the_norms_of_the_first():
    readers = [Reader(value, Memory()) for value in (1.0, 3.0)]
    found = collected([opened(reader) for reader in readers], ClippedMean(), Reading(4096, 2))
    assert np.allclose(found, 1 / COUNT**0.5)
    assert [reader.passes for reader in readers] == [2, 2]


def test_the_mean_reads_each_update_once():
    readers = [Reader(value, Memory()) for value in (1.0, 3.0)]
    found = collected([opened(reader) for reader in readers], Mean([0.25, 0.75]), Reading(4096, 2))
    assert np.all(found == 2.5)
    assert [reader.passes for reader in readers] == [1, 1]


@pytest.mark.parametrize("updates", [1, 4, 64])
@pytest.mark.parametrize("threads", [1, 3])
def test_the_bytes_held_do_not_depend_on_the_number_of_updates(updates: int, threads: int):
    memory = Memory()
    readers = [opened(Reader(1.0, memory)) for _ in range(updates)]
    collected(readers, Mean([1 / updates] * updates), Reading(4096, threads))
    assert memory.held == 0
    assert memory.most <= threads * 4096 * 4


@pytest.mark.parametrize("updates", [1, 2, 5, 9])
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("combine", [Mean, lambda _: ClippedMean()])
def test_few_updates_are_read_front_to_back(updates: int, threads: int, combine: Any):
    readers = [Reader(float(value), Memory()) for value in range(updates)]
    streamed = [opened(reader) for reader in readers]
    others = [opened(Reader(float(value), Memory())) for value in range(updates)]
    made = combine([1 / updates] * updates)
    found = collected(streamed, made, Reading(4096, threads, streams=updates))
    assert np.array_equal(found, collected(others, made, Reading(4096, threads, streams=updates - 1)))
    assert all(reader.offsets and reader.offsets == sorted(reader.offsets) for reader in readers)
    assert all(one.reader.offsets is None for one in others if isinstance(one.reader, Reader))


@pytest.mark.parametrize("streams", [0, 3])
@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("block", range(6))
def test_an_error_in_any_block_ends_the_pass_with_that_error(threads: int, block: int, streams: int):
    broken = HEADER + block * 4096 * 4
    readers = [opened(Reader(1.0, Memory(), broken if i == 1 else None)) for i in range(3)]
    with pytest.raises(StoreUnavailable, match="connection reset"):
        read_updates(readers, COUNT, Reading(4096, threads, streams))


def test_a_bucket_reader_keeps_no_bytes_after_release_and_none_of_large_reads():
    content = bytes(range(256)) * (AHEAD // 128)
    requests: list[tuple[int, int]] = []

    def fetch(offset: int, length: int, buffer: memoryview | None) -> bytes:
        requests.append((offset, length))
        return content[offset : offset + length]

    reader = RangedReader("s3://bucket/key", len(content), fetch, lambda offset, length: None)
    assert bytes(reader.read(0, 8)) == content[:8]
    assert bytes(reader.read(8, 100)) == content[8:108]
    assert requests == [(0, AHEAD)]
    reader.release()
    assert bytes(reader.read(8, 100)) == content[8:108]
    assert requests == [(0, AHEAD), (8, AHEAD)]
    assert bytes(reader.read(5, AHEAD + 8)) == content[5 : AHEAD + 13]
    assert bytes(reader.read(9, 10)) == content[9:19]
    assert requests == [(0, AHEAD), (8, AHEAD), (5, AHEAD + 8)], "the small buffer is still valid"


def ended(work: Callable[[], object]) -> BaseException | None:
    """The error of `work`, which must end."""
    found: list[BaseException | None] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            found.append(error)
        else:
            found.append(None)

    thread = Thread(target=run, daemon=True)
    thread.start()
    thread.join(60)
    assert found, "still waiting"
    return found[0]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_thread_without_memory_for_its_sums_ends_the_others(number: int):
    """They wait for its blocks."""
    calls = itertools.count(1)

    def combination() -> RunningSum:
        if next(calls) == number:
            raise MemoryError
        return RunningSum([1.0], 4096)

    updates = [opened(Reader(1.0, Memory()))]
    error = ended(lambda: read_updates(updates, COUNT, Reading(4096, 3), combination, lambda start, values: None))
    assert isinstance(error, MemoryError)


def test_a_thread_that_the_system_does_not_start_ends_the_others(monkeypatch: pytest.MonkeyPatch):
    started: list[object] = []

    class Pool(ThreadPoolExecutor):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
            if args == (1,):
                raise RuntimeError("can't start new thread")
            started.append(fn)
            return super().submit(fn, *args, **kwargs)

    monkeypatch.setattr("fedtrain_aggregator.engine.read_updates.ThreadPoolExecutor", Pool)
    updates = [opened(Reader(1.0, Memory()))]
    error = ended(lambda: read_updates(updates, COUNT, Reading(4096, 3)))
    assert "start new thread" in str(error)
    assert started
