"""The summary says what the ledger holds, at any moment of a run."""

import dataclasses

import pytest

from fedtrain.contracts import names
from fedtrain.contracts.headline_metric import loss_text
from fedtrain.contracts.records import Absent, Quarantined
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.store import ObjectMissing
from fedtrain.results.model_card import model_card
from fedtrain.results.run_comparison.page import charts
from fedtrain.results.status import rounds_table
from fedtrain.results.summary import summarise
from tests.support.ledger_by_hand import HUB, WHO, Hand


def test_the_summary_of_a_finished_run_is_complete(finished: Hand) -> None:
    summary = summarise(finished.ledger)
    assert (summary.phase, summary.rounds_done, summary.rounds_of) == ("Succeeded", 3, 3)
    assert [round.outcome for round in summary.rounds] == ["Initial", "Committed", "Committed", "Committed"]
    assert [round.metrics["accuracy"] for round in summary.rounds] == list(HUB)
    assert summary.adapter == finished.ledger.put_blob(finished.adapter(3))
    assert summary.head == finished.ledger.digest(names.manifest(3))
    assert [(data.participant, data.samples) for data in summary.data] == [
        ("museum", 1000),
        ("observatory", 1100),
        ("zoo", 1200),
    ]


def test_a_new_attempt_is_counted_with_its_reason(finished: Hand) -> None:
    zoo = summarise(finished.ledger).round(2).participants[2]
    assert (zoo.participant, zoo.state, zoo.attempt, zoo.attempts) == ("zoo", "Aggregated", 2, 2)
    assert zoo.retried == ("attempt 1: its process died",)


def test_quarantined_updates_have_their_reason(finished: Hand) -> None:
    third = summarise(finished.ledger).round(3)
    states = {one.participant: one.state for one in third.participants}
    assert states == {"museum": "Aggregated", "observatory": "Quarantined", "zoo": "Aggregated"}
    assert third.participants[1].reason == "norm 812 is beyond 10 times the median"
    assert third.participants[1].weight is None
    assert third.participants[0].weight == 0.5


def test_the_training_loss_of_a_round_is_that_of_the_accepted_updates(finished: Hand) -> None:
    summary = summarise(finished.ledger)
    third = summary.round(3)
    museum, observatory, zoo = third.participants
    poisoned = dataclasses.replace(third, participants=(museum, dataclasses.replace(observatory, train_loss=1e6), zoo))
    summary = dataclasses.replace(summary, rounds=(*summary.rounds[:3], poisoned))
    assert museum.train_loss is not None
    assert zoo.train_loss is not None
    mean = loss_text((museum.train_loss + zoo.train_loss) / 2)
    assert rounds_table(summary).rows[3][4] == mean
    assert f"| 3 | Committed | 2 | {mean} |" in model_card(summary, poisoned, "demo")
    page = next(chart for chart in charts([summary]) if "training loss" in chart.alt)
    assert page.svg == next(chart for chart in charts([summarise(finished.ledger)]) if "training loss" in chart.alt).svg


def test_metrics_that_participants_received_belong_to_the_round_before(finished: Hand) -> None:
    summary = summarise(finished.ledger)
    assert summary.round(0).measured["zoo"]["accuracy"] == pytest.approx(HUB[0] + 0.03)
    assert summary.round(3).measured["zoo"]["accuracy"] == pytest.approx(HUB[3] + 0.03), "measured after the last round"


def test_telemetry_is_read_where_it_exists(finished: Hand) -> None:
    first = summarise(finished.ledger).round(1)
    execution = first.participants[0].execution
    assert execution is not None
    assert (execution.answer_tokens_per_second, execution.peak_memory, execution.host) == (
        2100.0,
        512_000_000,
        "node-1",
    )
    assert execution.seconds["measuring"] == 1.0
    assert first.wall_seconds == 20.0
    assert [task.kind for task in first.tasks] == ["Train", "Train", "Train", "Aggregate", "Evaluate"]


def test_damaged_telemetry_hides_nothing_else(finished: Hand) -> None:
    before = summarise(finished.ledger)
    finished.ledger.put_telemetry("rounds/0001/runner.json", b'{"wallSeconds": "long", "tasks": [3, {"who": ')
    finished.ledger.put_telemetry("rounds/0001/zoo-1/trainer.json", b"[1, 2]")
    after = summarise(finished.ledger)
    assert after.round(1).tasks == ()
    assert after.round(1).participants[2].execution is None
    assert dataclasses.replace(after, rounds=()) == dataclasses.replace(before, rounds=())


def test_the_phase_follows_the_records(hand: Hand) -> None:
    hand.begin()
    assert summarise(hand.ledger).phase == "Planning"
    plan = hand.plan(1)
    assert summarise(hand.ledger).phase == "Training"
    updates = tuple(hand.update(1, who) for who in WHO[:2])
    open_round = summarise(hand.ledger).rounds[-1]
    assert open_round.outcome == "Open"
    assert [one.state for one in open_round.participants] == ["Updated", "Updated", "Training"]
    assert rounds_table(summarise(hand.ledger)).rows[1][2:4] == ("2/3", "1,600"), "samples of the updates beside them"
    close = hand.close(1, updates, absent=(Absent(participant="zoo", reason="no update before the deadline of 2h"),))
    assert summarise(hand.ledger).phase == "Aggregating"
    hand.aggregate(close)
    assert summarise(hand.ledger).phase == "Evaluating"
    hand.record(plan, close)
    summary = summarise(hand.ledger)
    assert (summary.phase, summary.rounds_done) == ("Planning", 1)
    absent = summary.round(1).participants[2]
    assert (absent.state, absent.trained) == ("Absent", None)
    assert summary.round(1).absent[0].reason == "no update before the deadline of 2h"


def test_a_skipped_round_aggregated_nothing(hand: Hand) -> None:
    hand.begin()
    plan = hand.plan(1)
    hand.record(plan, hand.close(1, (hand.update(1, "zoo"),)), outcome="Skipped")
    skipped = summarise(hand.ledger).round(1)
    assert skipped.outcome == "Skipped"
    assert {one.participant: one.state for one in skipped.participants} == {
        "museum": "Absent",
        "observatory": "Absent",
        "zoo": "Updated",
    }
    assert skipped.adapter == summarise(hand.ledger).round(0).adapter


def test_a_round_that_is_resumed_shows_what_came_after_the_failure(hand: Hand) -> None:
    hand.begin()
    hand.plan(1)
    museum, _ = (hand.update(1, who) for who in WHO[:2])
    bad = Quarantined(participant="observatory", attempt=1, reason="norm 812")
    absent = Absent(participant="zoo", reason="its process died")
    hand.close(1, (museum,), absent=(absent,), quarantined=(bad,))
    hand.fail(1)

    def states() -> list[tuple[str, int, str]]:
        return [(one.state, one.attempt, one.reason) for one in summarise(hand.ledger).rounds[-1].participants]

    failed = [("Updated", 1, ""), ("Quarantined", 1, "norm 812"), ("Absent", 1, "its process died")]
    assert states() == failed
    for who in WHO[1:]:
        hand.grant(1, who, 2, "resumed", epoch=2, cause="Resumed")
    assert states() == [("Updated", 1, ""), ("Training", 1, ""), ("Training", 1, "")]
    assert summarise(hand.ledger).rounds[-1].absent == ()
    for who in WHO[1:]:
        hand.update(1, who, 2)
    assert states() == [("Updated", 1, ""), ("Updated", 2, ""), ("Updated", 2, "")]
    assert rounds_table(summarise(hand.ledger)).rows[1][2] == "3/3"


def test_a_failed_run_gives_the_reason_until_it_resumes(hand: Hand) -> None:
    hand.begin()
    hand.plan(1)
    hand.fail(1, message="round 1 needs 2 valid updates and can have 1")
    summary = summarise(hand.ledger)
    assert summary.phase == "Failed"
    assert summary.message == "round 1 needs 2 valid updates and can have 1"
    hand.grant(1, "zoo", 2, "its process died", epoch=2, cause="Resumed")
    summary = summarise(hand.ledger)
    assert summary.phase == "Training"
    assert [failure.reason for failure in summary.failures] == ["BelowMinimum"]


def test_an_update_record_that_is_damaged_does_not_count(hand: Hand) -> None:
    hand.begin()
    hand.plan(1)
    hand.create(names.update(1, "zoo", 1), b'{"runId": "')
    assert summarise(hand.ledger).rounds[-1].participants[2].state == "Training"


def test_no_run_is_an_error_that_names_the_place(hand: Hand) -> None:
    with pytest.raises(ObjectMissing, match=r"no run in file:.*/runs/default/quickstart"):
        summarise(hand.ledger)


def test_objects_of_others_never_keep_a_run_from_being_read(finished: Hand) -> None:
    before = summarise(finished.ledger)
    store, folder = finished.ledger.store, "default/quickstart"
    store.replace(f"{folder}/preflight/zoo.json", b'{"samples": NaN}')
    store.replace(f"{folder}/preflight/nobody.json", b"[")
    store.create(f"{folder}/rounds/0003/close-x.json", b"{}")
    store.create(f"{folder}/rounds/0003/close-9.json", b"not a close")
    store.create(f"{folder}/rounds/0003/measurements/zoo.json", b"{" * 1000)
    after = summarise(Ledger(store, "default", "quickstart"))
    assert after.rounds == before.rounds
    assert {one.participant for one in before.data} - {one.participant for one in after.data} == {"zoo"}
