"""The status, conditions and events of a training."""

from typing import Any, cast

import pytest
from fedtrain_operator.coordinator.events import changes, retry
from fedtrain_operator.coordinator.round_history import metric
from fedtrain_operator.coordinator.state import ClusterState
from fedtrain_operator.coordinator.status import RESUME, acknowledged, worth_writing
from fedtrain_operator.kube.events import Event, manifest
from fedtrain_operator.kube.streams import Streams

from fedtrain.contracts.records import Grant
from fedtrain.manifests.admission import Here, accepted, askable, why_not_asked
from fedtrain.manifests.conditions import Condition, merged
from fedtrain.manifests.kinds import TRAINING, Json
from fedtrain.rounds.clock import RoundClock
from fedtrain.rounds.unreachable import REFUSING, SILENT, UNASKED
from tests.unit.operator.api_server import ApiServer
from tests.unit.operator.worlds import spec


def training(generation: int = 1, annotations: dict[str, str] | None = None, **status: Any) -> Json:
    metadata = {"name": "tickets", "namespace": "hub", "generation": generation, "annotations": annotations or {}}
    return {"metadata": metadata, "status": status}


def record(*held: str, allowed: tuple[str, ...] = ("*",), reported: bool = True) -> Json:
    status = {"datasets": [{"name": name} for name in held], "version": "1"} if reported else {}
    return {"spec": {"namespace": "at", "allowedNamespaces": list(allowed)}, "status": status}


def test_a_failure_stands_until_the_user_asks_to_resume() -> None:
    assert acknowledged(training(acknowledged=0, observedGeneration=1), failures=1) == 0


def test_a_new_generation_the_annotation_or_a_new_object_asks_to_resume() -> None:
    assert acknowledged(training(generation=2, acknowledged=0, observedGeneration=1), failures=1) == 1
    assert acknowledged(training(annotations={RESUME: "true"}, acknowledged=0, observedGeneration=1), failures=1) == 1
    assert acknowledged(training(), failures=3) == 3


def test_elapsed_time_alone_is_written_at_intervals_and_everything_else_at_once() -> None:
    before = {"phase": "Training", "elapsed": {"round": 1, "epoch": 1, "seconds": 10.0}}
    assert not worth_writing(before, {**before, "elapsed": {"round": 1, "epoch": 1, "seconds": 50.0}})
    assert worth_writing(before, {**before, "elapsed": {"round": 1, "epoch": 1, "seconds": 75.0}})
    assert worth_writing(before, {**before, "phase": "Aggregating"})


def test_a_conditions_time_is_when_its_status_changed() -> None:
    first = merged([], [Condition("Accepted", "False", "NotAllowed", "why")], 1, 0.0)
    again = merged(first, [Condition("Accepted", "False", "NotAllowed", "another why")], 1, 100.0)
    changed = merged(again, [Condition("Accepted", "True", "Valid")], 2, 200.0)
    assert again[0]["lastTransitionTime"] == first[0]["lastTransitionTime"] == "1970-01-01T00:00:00Z"
    assert changed[0]["lastTransitionTime"] == "1970-01-01T00:03:20Z"


def test_paused_time_does_not_count_and_each_round_starts_at_zero() -> None:
    clock = RoundClock(1, 1, 30.0)
    assert clock.tick(1, 1, 1000.0) == 30.0
    assert clock.tick(1, 1, 1010.0) == 40.0
    clock.pause()
    assert clock.tick(1, 1, 2000.0) == 40.0
    assert clock.tick(2, 1, 2010.0) == 0.0


def test_all_problems_across_objects_are_reported_together() -> None:
    said = accepted(spec(), Here("hub"), {"bank-a": record("mail", allowed=("elsewhere",))})
    assert said.status == "False"
    assert "Participant 'bank-b' does not exist" in said.message
    assert "Participant bank-a does not allow namespace hub" in said.message
    assert "bank-a has no data set 'tickets' (its policy has: mail)" in said.message


@pytest.mark.parametrize("with_own_cluster", ["bank-a", "bank-c"])
def test_a_participant_that_shares_its_namespace_with_one_that_has_its_own_cluster_is_not_asked(
    with_own_cluster: str,
) -> None:
    records = {who: record("tickets") for who in ("bank-a", "bank-b", "bank-c")}
    records["bank-b"]["spec"]["namespace"] = "bank-b"
    assert accepted(spec(), Here("hub"), records).status == "True"
    records[with_own_cluster]["spec"]["cluster"] = "Own"
    said = accepted(spec(), Here("hub"), records)
    assert said.reason == "SharedNamespace"
    assert said.message == (
        "Participants bank-a and bank-c both have namespace at, so one could read the tasks of the other. "
        "Ask the hub's administrator to give each its own namespace: delete one and invite it again (`fedtrain "
        "participant invite`)"
    )
    assert list(askable(Here("hub"), records)) == ["bank-b"]


def test_a_participant_that_revokes_its_permission_gets_no_further_task() -> None:
    records = {"bank-a": record("tickets", allowed=("elsewhere",)), "bank-b": record("tickets", allowed=("hub",))}
    assert askable(Here("hub"), records).keys() == {"bank-b"}
    assert askable(Here("hub", ("hub",)), records).keys() == set(), "nor does one that is not served here"
    again = "To include it again, ask the hub's administrator to"
    assert why_not_asked(Here("hub", ("hub",)), records, ["bank-a", "bank-b", "bank-c"]) == {
        "bank-a": f"its Participant does not allow namespace hub. {again} add hub to `allowedNamespaces` of "
        "Participant bank-a",
        "bank-b": f"its Participant has namespace at, which the hub's operator does not serve. {again} add at to "
        "`namespaces` in the values of the fedtrain chart",
        "bank-c": f"its Participant does not exist. {again} invite it (`fedtrain participant invite bank-c --allow "
        "hub`)",
    }


def test_a_retry_event_names_the_participant_and_the_reason() -> None:
    def grant(who: str) -> Grant:
        return Grant(run_id="r", round=3, who=who, attempt=2, epoch=1, cause="Failed", reason="out of memory")

    said = "round 3: bank-a tries again (attempt 2): out of memory"
    assert retry(grant("bank-a")).message == said
    assert "the hub's aggregate-1 tries again" in retry(grant("_aggregate-1")).message


def test_consistent_objects_are_accepted() -> None:
    records = {"bank-a": record("tickets", allowed=("hub",)), "bank-b": record("tickets")}
    assert accepted(spec(), Here("hub"), records).status == "True"


def test_a_participant_at_a_namespace_that_the_operator_does_not_serve_is_not_asked() -> None:
    records = {"bank-a": record("tickets"), "bank-b": record("tickets")}
    home = records["bank-b"]["spec"]["namespace"]
    said = accepted(spec(), Here("hub", served=("hub", "elsewhere")), records)
    assert said.reason == "NotServed"
    assert f"'bank-b' is at namespace {home!r}, which this operator does not serve" in said.message
    assert "it serves hub, elsewhere" in said.message


def test_a_participant_that_has_not_reported_is_waited_for() -> None:
    records = {"bank-a": record("tickets"), "bank-b": record(reported=False)}
    assert accepted(spec(), Here("hub"), records).reason == "NotReported"


def test_folders_and_relative_paths_are_refused_on_a_cluster() -> None:
    records = {"bank-a": record("tickets"), "bank-b": record("tickets")}
    assert accepted(spec(storage={"type": "File"}), Here("hub"), records).reason == "InvalidSpec"
    assert "./base" in accepted(spec(model={"base": "./base"}), Here("hub"), records).message
    hub = spec(evaluation={"hub": {"data": {"uri": "test.jsonl"}}})
    assert "spec.evaluation.hub.data.uri: test.jsonl" in accepted(hub, Here("hub"), records).message


def test_an_ended_round_has_its_events_once() -> None:
    rounds = [{"round": 1, "outcome": "Committed", "participants": "3/4", "metric": "accuracy 81.2%"}]
    left_out = [{"participant": "bank-b", "reason": "it sent no update before the deadline of 2h"}]
    before = {"phase": "Training", "round": 1, "lastRounds": []}
    after = {"phase": "Training", "round": 2, "lastRounds": [{**rounds[0], "leftOut": left_out}]}
    told = [(one.type, one.reason, one.message) for one in changes(before, after)]
    assert told[0] == (
        "Warning",
        "LeftOut",
        "round 1 was aggregated without bank-b: it sent no update before the deadline of 2h. It is asked again in the "
        "next round",
    )
    assert told[1] == ("Normal", "RoundCommitted", "round 1: 3/4 updates, accuracy 81.2%")
    assert list(changes(after, after)) == []


@pytest.mark.parametrize(
    ("phase", "outcome", "reason", "code", "words"),
    [
        (
            "Training",
            "Committed",
            f"it sent no update before the deadline of 2h, and {SILENT}",
            "Silent",
            f"round 3 was aggregated without bank-a (41% of all participants' rows): it sent no update before the "
            f"deadline of 2h, and {SILENT}. Ask the participant's owner whether its fedtrain operator runs and reaches "
            "this API server. With its next heartbeat, it takes part again",
        ),
        (
            "Training",
            "Committed",
            f"{REFUSING}: 404 NotFound",
            "TasksRefused",
            f"round 3 was aggregated without bank-a (41% of all participants' rows): {REFUSING}: 404 NotFound. It "
            "takes part again once tasks can be created there",
        ),
        (
            "Succeeded",
            "Committed",
            SILENT,
            "Silent",
            f"round 3 was aggregated without bank-a (41% of all participants' rows): {SILENT}",
        ),
        (
            "Succeeded",
            "Committed",
            "bank-a's policy (limits.gpus) refuses the task: too many",
            None,
            "round 3 was aggregated without bank-a (41% of all participants' rows): its policy (limits.gpus) refuses "
            "the task: too many",
        ),
        (
            "Training",
            "Skipped",
            "its privacy budget is exhausted: epsilon 9",
            "BudgetExhausted",
            "round 3 was skipped: no update from bank-a (41% of all participants' rows): its privacy budget is "
            "exhausted: epsilon 9",
        ),
        (
            "Training",
            "Committed",
            f"{UNASKED} does not exist",
            "NotAllowed",
            f"round 3 was aggregated without bank-a (41% of all participants' rows): {UNASKED} does not exist",
        ),
    ],
    ids=["silent", "no namespace", "silent in the last round", "no round follows", "no budget", "revoked"],
)
def test_a_left_out_participant_is_named_with_its_share_and_whether_it_is_asked_again(
    phase: str, outcome: str, reason: str, code: str | None, words: str
) -> None:
    left_out: list[Json] = [{"participant": "bank-a", "reason": reason, "rowShare": "41%"}]
    if code is not None:
        left_out[0]["code"] = code
    ended = {"round": 3, "outcome": outcome, "participants": "3/4", "leftOut": left_out}
    after = {"phase": phase, "round": 4, "lastRounds": [ended]}
    assert next(changes({"phase": "Training", "round": 3}, after)) == Event("Warning", "LeftOut", words)


def test_a_store_that_can_be_reached_again_has_an_event_besides_the_phases() -> None:
    away = merged((), [Condition("StoreReachable", "False", "NoCredentials", "there is no Secret")], 1, 0.0)
    back = merged(away, [Condition("StoreReachable", "True", "Reachable")], 1, 1.0)
    before = {"phase": "Pending", "message": "there is no Secret", "conditions": away}
    after = {"phase": "Initialising", "message": "", "round": 0, "conditions": back}
    told = [one.message for one in changes(before, after)]
    assert told == ["the store can be reached again", "round 0"]


@pytest.mark.parametrize("type", ["Schedulable", "Startable"])
def test_the_event_of_pods_that_no_longer_wait_is_true_of_stopped_pods_too(type: str) -> None:
    waits, waits_no_more = Condition(type, "False", "Why", "bank-a waits"), Condition(type, "True", "Started")
    before, after = ({"conditions": merged((), [said], 1, 0.0)} for said in (waits, waits_no_more))
    (told,) = changes(before, after)
    assert told.type == "Normal"
    assert told.message.startswith("no pod waits for ")


def test_the_metric_is_the_first_share_or_the_first_metric_as_in_reports() -> None:
    hub: dict[str, Any] = {
        "data": {"uri": "s3://b/test.jsonl"},
        "metrics": [{"name": "accuracy", "type": "Choices"}, {"name": "loss", "type": "Loss"}],
    }
    assert metric(spec(evaluation={"hub": hub}), {"loss": 2.0, "accuracy": 0.8123}) == "accuracy 81.2%"
    loss_first = {**hub, "metrics": hub["metrics"][::-1]}
    assert metric(spec(evaluation={"hub": loss_first}), {"loss": 2.0, "accuracy": 0.8123}) == "accuracy 81.2%"
    assert metric(spec(evaluation={"hub": loss_first}), {"loss": 2.0}) == "loss 2.000"
    assert metric(spec(evaluation={"hub": {"data": {"uri": "s3://b/t"}}}), {"loss": 2.31132}) == "loss 2.311"
    assert metric(spec(), {"loss": 2.0}) is None


def test_a_reason_that_blocks_is_a_warning_also_in_the_first_status() -> None:
    why = "there is no Secret 'bucket-keys'"
    conditions = merged((), [Condition("StoreReachable", "False", "NoCredentials", why)], 1, 0.0)
    found = list(changes({}, {"phase": "Pending", "message": why, "conditions": conditions}))
    assert [(one.type, one.reason, one.message) for one in found] == [
        ("Warning", "NoCredentials", why),
        ("Normal", "Pending", "not begun"),
    ]


def test_events_of_one_second_keep_their_order_by_name_and_time() -> None:
    state = ClusterState(ApiServer(), cast(Streams, None), lambda: 1764302400.25, lambda: 0.0)
    body = {"metadata": {"name": "tickets", "namespace": "hub", "uid": "uid"}}
    made = (Event("Normal", "Training", str(n)) for n in range(20))
    events = [manifest(TRAINING, body, one, state.event_time(), "coordinator") for one in made]
    by_name = sorted(events, key=lambda one: one["metadata"]["name"])
    by_time = sorted(events, key=lambda one: one["eventTime"])
    for order in (by_name, by_time):
        assert [one["message"] for one in order] == [str(n) for n in range(20)]
    assert events[0]["eventTime"] == "2025-11-28T04:00:00.250000Z"
    assert {one["lastTimestamp"] for one in events} == {"2025-11-28T04:00:00Z"}


def test_a_message_of_many_bytes_fits_an_event() -> None:
    body = {"metadata": {"name": "tickets", "namespace": "hub", "uid": "uid"}}
    message = manifest(TRAINING, body, Event("Warning", "LeftOut", "ü" * 1000), 1, "coordinator")["message"]
    assert len(message.encode()) <= 1024
    assert message.endswith("…")
