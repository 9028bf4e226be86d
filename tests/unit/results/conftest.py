"""Runs to read: one that has not begun, and one that is finished."""

import shutil
from pathlib import Path

import pytest

from fedtrain.api.storage import File, Storage
from fedtrain.contracts.records import Quarantined
from fedtrain.ledger.open import open_ledger
from fedtrain.runner.presence import this_process
from tests.support.ledger_by_hand import GATED, HUB, WHO, Hand


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def hand(runs: Path) -> Hand:
    """A run `default/quickstart` that has not begun, and that a process works on."""
    storage = Storage(type="File", file=File(path=str(runs)))
    hand = Hand(open_ledger(storage, "default", "quickstart"))
    hand.attend(this_process())
    return hand


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Hand]:
    """Three rounds: in the second one zoo's update came with the second attempt; in the third observatory's was
    quarantined."""
    runs = tmp_path_factory.mktemp("template")
    hand = Hand(open_ledger(Storage(type="File", file=File(path=str(runs))), "default", "quickstart"))
    hand.begin()
    hand.whole_round(1)
    plan = hand.plan(2)
    hand.grant(2, "zoo", 2, "its process died")
    updates = (hand.update(2, "museum"), hand.update(2, "observatory"), hand.update(2, "zoo", 2))
    hand.record(plan, hand.close(2, updates))
    plan = hand.plan(3)
    updates = tuple(hand.update(3, who) for who in WHO)
    hand.close(3, updates)
    bad = Quarantined(participant="observatory", attempt=1, reason="norm 812 is beyond 10 times the median")
    hand.record(plan, hand.close(3, (updates[0], updates[2]), k=2, quarantined=(bad,)))
    hand.end()
    return runs, hand


@pytest.fixture
def finished(template: tuple[Path, Hand], hand: Hand, runs: Path) -> Hand:
    """A copy of the finished run, which no process works on."""
    shutil.rmtree(runs)
    shutil.copytree(template[0], runs)
    hand.previous, hand.step = template[1].previous, template[1].step
    return hand


@pytest.fixture
def best_earlier(runs: Path) -> Hand:
    """A finished run of three rounds, the second of which has the best accuracy."""
    hand = Hand(open_ledger(Storage(type="File", file=File(path=str(runs))), "default", "overfitted"))
    hand.accuracies = (0.126, 0.412, 0.671, 0.555)
    hand.begin()
    for round in (1, 2, 3):
        hand.whole_round(round)
    hand.end()
    return hand


@pytest.fixture
def rolled_back(runs: Path) -> Hand:
    """A finished run of three rounds, the last two of which the gate rolled back: its adapter is that of round 1."""
    hand = Hand(open_ledger(Storage(type="File", file=File(path=str(runs))), "default", "gated"), GATED)
    hand.begin()
    hand.whole_round(1)
    hand.roll_back(2, accuracy=0.349, best=HUB[1])
    hand.roll_back(3, accuracy=0.221, best=HUB[1])
    hand.end()
    return hand


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A tiny random Llama with a tokenizer of words."""
    from tiny_base import write_base  # torch, which most tests here do not need

    write_base(tmp_path / "base")
    return tmp_path / "base"


@pytest.fixture
def trained(hand: Hand, base: Path, tmp_path: Path) -> Hand:
    """A run of one round over that base."""
    from tiny_base import train_one_round

    train_one_round(hand, base, tmp_path)
    return hand
