"""A participant whose tasks' status changes all the time does not fill the hub's API server with events."""

from pathlib import Path

import pytest
from fedtrain_operator.coordinator.event_limit import BURST, REFILL_SECONDS, EventLimit

from fedtrain.manifests.kinds import Json
from tests.unit.operator.federation import FOUR, Federation, Time


def waits(federation: Federation, why: str) -> None:
    """bank-b's operator reports why the pods of its task do not start."""
    (task,) = [one for one in federation.server.all("trainingtasks") if "-train-bank-b-" in one["metadata"]["name"]]
    condition = {"type": "Startable", "status": "False", "reason": "X", "message": why, "lastTransitionTime": "now"}
    status: Json = {"phase": "Pending", "reason": "X", "message": why, "conditions": [condition]}
    federation.state.tasks.put(federation.server.add("trainingtasks", {**task, "status": status}))
    federation.settle()


def test_words_that_change_all_the_time_are_in_the_status_and_in_a_few_events(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    federation = Federation(tmp_path, monkeypatch)
    federation.apply(rounds={"count": 2, "minParticipants": 3})
    federation.settle()
    federation.deliver_preflights(*FOUR)
    federation.deliver_adapter()
    federation.settle()
    before = len(federation.server.all("events"))
    for number in range(BURST + 5):
        waits(federation, f"reason {number}")
    assert len(federation.server.all("events")) == before + BURST
    assert f"reason {BURST + 4}" in federation.status["message"]


def test_each_condition_has_a_limit_that_recovers() -> None:
    time = Time()
    limit = EventLimit(time)
    assert [limit.allows("Startable") for _ in range(BURST + 1)] == [True] * BURST + [False]
    assert limit.allows("StoreReachable"), "others are reported"
    time.now += REFILL_SECONDS
    assert [limit.allows("Startable") for _ in range(2)] == [True, False]
    time.now += 2 * BURST * REFILL_SECONDS
    assert [limit.allows("Startable") for _ in range(BURST + 1)] == [True] * BURST + [False]
