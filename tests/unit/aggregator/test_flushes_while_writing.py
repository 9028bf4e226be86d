"""The next adapter is flushed while it is written, and an error of the disk stops the aggregation."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest
from fedtrain_aggregator.encode import early_flush, next_files
from fedtrain_aggregator.encode.early_flush import flushed_early
from round_on_disk import MakeRound, adapter

from fedtrain.contracts import names
from fedtrain.contracts.records import Aggregate


def no_disk() -> OSError:
    return OSError(errno.EIO, os.strerror(errno.EIO))


def test_an_error_that_only_an_early_flush_sees_is_raised_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    met = Event()

    def fail(_: int) -> None:
        met.set()
        raise no_disk()

    monkeypatch.setattr(early_flush, "_INTERVAL", 0)
    monkeypatch.setattr(os, "fsync", fail)
    (tmp_path / "draft").touch()
    with pytest.raises(OSError, match="Input/output error"), flushed_early(tmp_path / "draft"):
        met.wait()


@pytest.mark.parametrize("strategy", ["FedAvg", "FedAdam"])
def test_nothing_is_claimed_after_such_an_error(make_round: MakeRound, monkeypatch: pytest.MonkeyPatch, strategy: str):
    round = make_round(["anna", "ben"], strategy=strategy)
    for seed, who in enumerate(("anna", "ben")):
        round.send(who, adapter(seed, scale=0.1))
    round.close()

    @contextmanager
    def failing(_: Path) -> Iterator[None]:
        yield
        raise no_disk()

    with monkeypatch.context() as patch:
        patch.setattr(next_files, "flushed_early", failing)
        with pytest.raises(OSError, match="Input/output error"):
            round.aggregate()
    assert round.ledger.read(names.aggregate(1, 1), Aggregate) is None
    assert isinstance(round.aggregate(), Aggregate)
