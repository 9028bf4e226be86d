"""The next adapter is flushed while it is written, and an error of the disk stops the aggregation."""

import errno
import os
from pathlib import Path

import pytest
from fedtrain_aggregator.encode.early_flush import EarlyFlush
from round_on_disk import MakeRound, adapter

from fedtrain.contracts import names
from fedtrain.contracts.records import Aggregate


def fail(*_: object) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_a_file_is_flushed_after_each_part_but_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    left: list[int] = []
    monkeypatch.setattr(os, "fsync", left.append)
    for blocks in (1, 2, 6, 40):
        left.clear()
        flush = EarlyFlush(7, 2400)
        for _ in range(blocks):
            flush.wrote(2400 // blocks)
        flush.end()
        assert left == [7] * min(blocks - 1, 5)


def test_an_error_that_only_an_early_flush_sees_is_raised_at_the_end(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "fsync", fail)
    flush = EarlyFlush(7, 100)
    flush.wrote(50)
    monkeypatch.setattr(os, "fsync", lambda _: None)
    flush.wrote(50)
    with pytest.raises(OSError, match="Input/output error"):
        flush.end()


@pytest.mark.parametrize("strategy", ["FedAvg", "FedAdam"])
def test_nothing_is_claimed_after_such_an_error(make_round: MakeRound, monkeypatch: pytest.MonkeyPatch, strategy: str):
    round = make_round(["anna", "ben"], strategy=strategy)
    for seed, who in enumerate(("anna", "ben")):
        round.send(who, adapter(seed, scale=0.1))
    round.close()
    with monkeypatch.context() as patch:
        patch.setattr(EarlyFlush, "end", fail)
        with pytest.raises(OSError, match="Input/output error"):
            round.aggregate()
    assert round.ledger.read(names.aggregate(1, 1), Aggregate) is None
    assert isinstance(round.aggregate(), Aggregate)
