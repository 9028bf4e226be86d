"""Four participants, of which some send nothing, too late, or poison: the round continues with the others."""

import time
from collections.abc import Iterator

import pytest

from fedtrain.contracts import names
from fedtrain.contracts.records import Aggregate, Close, Grant, Plan
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.verify import verify
from hack.cluster.api import Api, Json
from hack.cluster.eventually import eventually
from hack.cluster.s3_server import S3Server
from tests.controlplane.faults.scene import Scene
from tests.controlplane.pods import Pods
from tests.controlplane.training import Federation

FOUR = ("north", "south", "east", "west")


@pytest.fixture(scope="module")
def four(api: Api, tmp_path_factory: pytest.TempPathFactory) -> Federation:
    """Four participants that any namespace may ask; their data."""
    made = Federation(tmp_path_factory.mktemp("four"), who=FOUR)
    made.write_data()
    made.settle_banks(api)
    return made


@pytest.fixture
def federation(four: Federation, api: Api, s3_server: S3Server, namespace: str) -> Federation:
    """Bucket and Secret are there; the training is not."""
    return Federation(four.folder, namespace, who=FOUR).prepare(api, s3_server)


@pytest.fixture
def operated(scene: Scene) -> Iterator[Scene]:
    """The operator runs until the training is deleted."""
    with scene.operator():
        yield scene
        scene.delete()


def left_out(status: Json, round: int) -> dict[str, str]:
    (told,) = (told for told in status["lastRounds"] if told["round"] == round)
    return {one["participant"]: one["reason"] for one in told.get("leftOut", ())}


def closed(ledger: Ledger, round: int, k: int) -> list[tuple[str, int]]:
    close = ledger.read(names.close(round, k), Close)
    assert close is not None
    return [(update.participant, update.attempt) for update in close.updates]


def test_poison_is_quarantined_with_its_reason_and_what_is_missing_or_short_is_asked_for_again(
    operated: Scene, pods: Pods
) -> None:
    update = r"/updates/\w+/1/(?!record)"
    pods.faults = {
        "-1-train-north-1-": f"nan:{update}",
        "-1-train-south-1-": f"odd:{update}",
        "-1-train-east-1-": f"missing:{update}",
        "-2-train-north-1-": f"corrupt:{update}",
        "-2-train-south-1-": f"huge:{update}",
        "-2-train-east-1-": f"short:{update}",
        "-1-aggregate-1-": "before:close-2.json after:close-2.json",
    }
    bound = {"maxUpdateNorm": {"type": "TimesMedian", "factor": 10}}
    operated.apply(rounds={"count": 2, "minParticipants": 2}, aggregation=bound, evaluation={})
    status = operated.federation.succeeded(operated.api)
    ledger = operated.ledger
    first, second = left_out(status, 1), left_out(status, 2)
    assert first.keys() == second.keys() == {"north", "south"}
    assert all(reason.startswith("quarantined: ") for reason in (*first.values(), *second.values()))
    assert "nan" in first["north"]
    assert "shape" in first["south"]
    assert "digest" in second["north"]
    assert "times the median" in second["south"]
    assert closed(ledger, 1, 1) == [("north", 1), ("south", 1), ("east", 2), ("west", 1)]
    assert closed(ledger, 1, 2) == closed(ledger, 2, 2) == [("east", 2), ("west", 1)]
    for round in (1, 2):  # the store refuses half a file, whose size is not the signed one
        grant = ledger.read(names.grant(round, "east", 2), Grant)
        assert grant is not None
        assert "missing" in grant.reason
    assert len(pods.killed_at("-1-aggregate-1-")) == 2
    assert verify(ledger).sound


def test_a_silent_participant_is_left_out_at_the_deadline_its_late_update_changes_nothing_and_it_is_asked_again(
    operated: Scene, pods: Pods
) -> None:
    pods.faults = {"-1-train-west-": "late:record"}
    pods.undead = {"-1-train-west-"}
    pods.held = {"-1-aggregate-"}
    operated.apply(rounds={"count": 2, "minParticipants": 3, "deadline": "1h"}, evaluation={})
    ledger = operated.ledger
    eventually(lambda: ledger.read(names.plan(1), Plan))
    began = time.monotonic()
    eventually(lambda: operated.status.get("participants") == "3/4")
    eventually(lambda: time.monotonic() - began > 8)
    operated.change(rounds={"deadline": f"{0.75 * (time.monotonic() - began):.0f}s"})
    close = eventually(lambda: ledger.read(names.close(1, 1), Close))
    operated.change(rounds={"deadline": "1h"})
    pods.go("-1-train-west-")
    late = names.update(1, "west", 1)
    eventually(lambda: any(name.endswith(late) for name in ledger.names("incoming/")))
    pods.held = set()
    status = operated.federation.succeeded(operated.api)
    assert left_out(status, 1)["west"].startswith("it sent no update before the deadline of ")
    assert left_out(status, 2) == {}
    assert [told["participants"] for told in status["lastRounds"]] == ["0/0", "3/4", "4/4"]
    assert ledger.read(names.close(1, 1), Close) == close
    assert ledger.read(names.close(1, 2), Close) is None
    aggregate = ledger.read(names.aggregate(1, 1), Aggregate)
    assert aggregate is not None
    assert [one.participant for one in aggregate.weights] == ["north", "south", "east"]
    assert verify(ledger).sound
