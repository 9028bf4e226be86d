"""A training that has begun is not trained again from round 0 when the objects of its ledger are gone."""

from pathlib import Path

import pytest

from fedtrain.contracts import names
from tests.unit.operator.federation import FOUR, Federation


@pytest.fixture
def federation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Federation:
    """A training in round 1."""
    made = Federation(tmp_path, monkeypatch)
    made.apply()
    made.settle(2)
    made.deliver_preflights(*FOUR)
    made.deliver_adapter()
    made.settle()
    assert (made.status["phase"], made.status["round"]) == ("Training", 1)
    return made


@pytest.mark.parametrize("run_json", [False, True], ids=["whole ledger", "all but run.json"])
@pytest.mark.parametrize("by", ["restart", "edit"])
def test_a_lost_ledger_is_reported_and_nothing_is_written(federation: Federation, run_json: bool, by: str) -> None:
    for name in federation.ledger.names():
        if not (run_json and name == names.RUN):
            federation.ledger.delete(name)
    remaining, tasks = federation.ledger.names(), len(federation.server.all("trainingtasks"))
    if by == "restart":
        federation.restart()
    else:
        federation.change(rounds=federation.training["spec"]["rounds"] | {"deadline": "3h"})
    federation.settle()
    assert federation.ledger.names() == remaining
    assert len(federation.server.all("trainingtasks")) == tasks
    condition = federation.condition("StoreReachable")
    assert (condition["status"], condition["reason"]) == ("False", "Refused")
    assert "has no rounds, but this training has begun. Restore the ledger from a backup" in condition["message"]
    assert (federation.status["phase"], federation.status["round"]) == ("Training", 1)


def test_a_restored_ledger_continues(federation: Federation) -> None:
    store = federation.ledger.store
    kept = {name: federation.ledger.content(name) for name in federation.ledger.names()}
    for name in kept:
        federation.ledger.delete(name)
    federation.restart()
    federation.settle(2)
    for name, content in kept.items():
        store.create(federation.ledger.key(name), content)
    federation.settle()
    assert federation.condition("StoreReachable")["status"] == "True"
    assert (federation.status["phase"], federation.status["round"]) == ("Training", 1)
