"""The sum that waits for the checks: what was written is read, and no file keeps it."""

from pathlib import Path

import numpy as np
import pytest
from fedtrain_aggregator.encode.saved_sum import saved_sum
from fedtrain_aggregator.kernels import CHUNK

COUNT = 70 * CHUNK + 5


@pytest.mark.parametrize("threads", [1, 3])
def test_each_value_is_read_once_as_it_was_written(threads: int, tmp_path: Path) -> None:
    values, found = np.random.default_rng(1).standard_normal(COUNT), np.zeros(COUNT)

    def step(start: int, block: np.ndarray) -> None:
        assert start % CHUNK == 0
        found[start : start + len(block)] += block

    with saved_sum(tmp_path, COUNT) as total:
        for start in (9 * CHUNK, 0):  # in any order
            end = COUNT if start else 9 * CHUNK
            total.write(start, values[start:end])
        total.each_block(threads, step)
    assert found.tobytes() == values.tobytes()


def test_the_sum_is_in_no_file_that_a_killed_process_leaves(tmp_path: Path) -> None:
    with saved_sum(tmp_path, COUNT) as total:
        total.write(0, np.ones(COUNT))
        assert list(tmp_path.iterdir()) == []


def test_an_error_of_a_step_is_raised(tmp_path: Path) -> None:
    def step(start: int, block: np.ndarray) -> None:
        raise OSError("the disk is full")

    with saved_sum(tmp_path, COUNT) as total, pytest.raises(OSError, match="the disk is full"):
        total.each_block(2, step)
