"""A participant whose heartbeats are missing is left out of the next plan, returns by itself, and shows within 60 s."""

from pathlib import Path

import pytest
from fedtrain_operator.coordinator.connections import LATE_SECONDS
from fedtrain_operator.coordinator.heartbeat import MISSED
from fedtrain_operator.kube.api_error import ApiError
from ruamel.yaml import YAML

from fedtrain.contracts import names
from fedtrain.contracts.records import Plan
from fedtrain.rounds.unreachable import SILENT
from tests.unit.operator.api_server import Request
from tests.unit.operator.federation import FOUR, Federation

REVOKED = (
    "its Participant does not exist. To include it again, ask the hub's administrator to invite it "
    "(`fedtrain participant invite bank-b --allow hub`)"
)
CHART = Path(__file__).parents[3] / "helm" / "fedtrain-participant"


@pytest.fixture
def federation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Federation:
    return Federation(tmp_path / "ledger", monkeypatch)


def beat(federation: Federation, *participants: str) -> None:
    for who in participants:
        federation.state.heartbeats.note(who, {"lastSeen": f"at {federation.time.now}", "heartbeatSeconds": 35})


def test_the_plan_leaves_a_silent_participant_out_and_the_status_names_it_with_the_time_of_the_hub(
    federation: Federation,
) -> None:
    federation.apply(rounds={"count": 2, "minParticipants": 3})
    beat(federation, *FOUR)
    federation.settle()
    federation.deliver_preflights(*FOUR)
    federation.time.now += 53
    beat(federation, "bank-a", "bank-c", "bank-d")
    federation.deliver_adapter()
    federation.state.memories.clear()
    federation.settle()
    plan = federation.ledger.read(names.plan(1), Plan)
    assert plan is not None
    assert [member.participant for member in plan.members] == ["bank-a", "bank-c", "bank-d"]
    assert [(one.participant, one.reason) for one in plan.absent] == [("bank-b", SILENT)]
    seen = federation.condition("ParticipantsSeen")
    assert seen["message"].startswith("No heartbeats from bank-b since 1970-01-01T00:16:40Z. ")
    beat(federation, "bank-b")
    federation.settle(1)
    assert federation.condition("ParticipantsSeen")["status"] == "True"


def test_the_plan_leaves_out_a_participant_that_was_revoked_and_includes_one_that_could_not_be_read(
    federation: Federation,
) -> None:
    federation.apply(rounds={"count": 2, "minParticipants": 2})
    federation.settle()
    federation.deliver_preflights(*FOUR)
    for who in ("bank-b", "bank-c"):
        federation.state.participants.drop(federation.server.objects["participants", "", who])
    del federation.server.objects["participants", "", "bank-b"]

    def fault(request: Request) -> ApiError | None:
        mine = (request.kind, request.name) == ("participants", "bank-c")
        return ApiError(500, "InternalError", "etcd is busy") if mine else None

    federation.server.fault = fault
    federation.training["status"]["round"] = 1  # it has begun
    federation.state.trainings.put(federation.server.add("federatedtrainings", federation.training))
    federation.deliver_adapter()
    federation.settle()
    plan = federation.ledger.read(names.plan(1), Plan)
    assert plan is not None
    assert [member.participant for member in plan.members] == ["bank-a", "bank-c", "bank-d"]
    assert [(one.participant, one.reason) for one in plan.absent] == [("bank-b", REVOKED)]


def test_a_participant_with_the_charts_interval_counts_as_silent_within_60_seconds() -> None:
    values = YAML(typ="safe").load((CHART / "values.yaml").read_text())
    assert MISSED * values["heartbeatSeconds"] + LATE_SECONDS < 60
    assert 60 / values["heartbeatSeconds"] <= 2, "an idle participant sends at most two requests a minute"
