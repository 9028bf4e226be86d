"""Output of a run in progress, for people and programs."""

import io
import json
import re
from dataclasses import replace
from typing import get_args

import pytest
from rich.console import Console

from fedtrain.contracts.answer_labels import AnswerLabels
from fedtrain.contracts.records import Evaluation, Manifest, Plan, PlanMember
from fedtrain.ledger.file_errors import DISK_FULL
from fedtrain.rounds.snapshot import Execution, Kind, TaskKey
from fedtrain.runner.events import (
    Delivered,
    Event,
    ObjectIgnored,
    OtherCoordinator,
    PhaseChanged,
    Planned,
    Recorded,
    RunEnded,
    RunStarted,
    StoreOutage,
    TaskStarted,
    WorkersStarting,
)
from fedtrain.runner.progress.as_json import JsonProgress
from fedtrain.runner.progress.estimate import time_left
from fedtrain.runner.progress.live import LiveProgress
from fedtrain.runner.progress.plain import PlainProgress
from fedtrain.runner.progress.state import View
from fedtrain.runner.progress.text import about
from fedtrain.runner.worker_pool import Ended, Progress
from tests.support.outputs import check_output
from tests.support.updates import an_update

DIGEST = "blake3:" + "0" * 64
STARTED = RunStarted("demo", "r1", "file:///runs/default/demo", ("zoo",), 2, 0)
PLAN = Plan(
    run_id="r1",
    round=1,
    previous=DIGEST,
    members=(PlanMember(participant="zoo", start=0, samples=90, distinct=90, seed=1),),
    progress_start=0.0,
    progress_end=0.5,
)
PLANNED = Planned(PLAN, {"zoo": 160})
UPDATE = an_update(participant="zoo", size=322_000, tokens=500, train_loss=1.25, received={"loss": 2.5})
MANIFEST = Manifest(
    run_id="r1", round=1, outcome="Committed", k=1, step=1, adapter=DIGEST, config=DIGEST, previous=DIGEST
)
DONE = Ended(TaskKey(1, "Train", "zoo", 1), Execution("Done"), worker=0, wall=3.2, seconds={})
FAILED = Ended(TaskKey(1, "Train", "zoo", 1), Execution("Failed", reason="its process died"), 0, 1.0, {})


def plain(*events: Event) -> list[str]:
    out = io.StringIO()
    progress = PlainProgress(out)
    for event in events:
        progress(event)
    return out.getvalue().splitlines()


def test_plain_lines_tell_samples_loss_metric_bytes_and_seconds_of_each_update() -> None:
    lines = plain(STARTED, PLANNED, DONE, Delivered(UPDATE), Recorded(MANIFEST, None, 4.0))
    assert lines[2].startswith(
        "(trained: samples processed, with repeats. loss: mean training loss of the round so far. received: "
    )
    assert lines[2].endswith("sent: size of the update.)")
    assert lines[3] == "round 1/2  zoo  160 trained  loss 1.250  received loss 2.500  322 kB  3.2 s"
    assert lines[4] == "round 1/2  committed  4.0 s"


def test_plain_lines_say_when_workers_start_and_are_ready() -> None:
    lines = plain(STARTED, WorkersStarting(2), WorkersStarting(1), WorkersStarting(0))
    assert lines[1].startswith("starting 2 workers: loading PyTorch")
    assert lines[2:] == ["1 of 2 workers ready after 0:00", "2 of 2 workers ready after 0:00"]


def at_work(phase: str, step: int = 0, steps: int = 0, round: int = 1, kind: Kind = "Train", who: str = "zoo"):
    return Progress(TaskKey(round, kind, who, 1), phase, step, steps, 2.5 if step else None)


def test_plain_lines_report_each_phase_before_the_first_training() -> None:
    events = (
        at_work("data", round=0, kind="Inspect"),
        at_work("loading", round=0, kind="Initialise", who="_initialise"),
        at_work("uploading", round=0, kind="Initialise", who="_initialise"),
        at_work("data", round=0, kind="Inspect"),
        at_work("measuring", round=2, kind="Measure"),
        at_work("measuring loss", round=2, kind="Measure"),
        at_work("uploading", round=2, kind="Measure"),
    )
    lines = [
        "round 0/2  zoo  reading rows",
        "round 0/2  initial adapter  loading the base",
        "round 0/2  initial adapter  writing the adapter",
        "final adapter  zoo  measuring",
        "final adapter  zoo  sending the results",
    ]
    assert plain(STARTED, *events)[1:] == lines


def test_plain_lines_report_long_work_once_a_minute_with_the_time_left() -> None:
    out, now = io.StringIO(), [0.0]
    progress = PlainProgress(out, clock=lambda: now[0])
    for event in (STARTED, PhaseChanged(1, "Training", ""), PLANNED):
        progress(event)
    for step in range(1, 131):
        now[0] = float(step)
        progress(at_work("training", step, 260))
    found = [line for line in out.getvalue().splitlines() if "  training " in line]
    assert found == [
        "round 1/2  zoo  training 61/260  loss 2.500  round: about 4 min left, run: about 9 min left",
        "round 1/2  zoo  training 121/260  loss 2.500  round: about 3 min left, run: about 8 min left",
    ]


def test_the_time_left_follows_the_durations_of_earlier_rounds() -> None:
    now = [100.0]
    view = View(clock=lambda: now[0])
    for event in (STARTED, PhaseChanged(1, "Training", ""), PLANNED):
        view.take(event)
    assert time_left(view) == (None, None)
    view.take(Recorded(MANIFEST, None, 40.0))
    view.take(PhaseChanged(2, "Training", ""))
    now[0] = 110.0
    assert time_left(view) == (30.0, 30.0)
    view.take(RunEnded("Succeeded", 2, ""))
    assert time_left(view) == (None, None)


def test_a_new_round_begins_without_the_results_of_the_previous_one() -> None:
    text = shown(STARTED, PLANNED, Delivered(UPDATE), PhaseChanged(2, "Planning", ""))
    assert "round 2 of 2" in text
    for word in ("100%", "done", "1.250", "trained"):
        assert word not in text


def test_samples_are_called_trained_when_they_are() -> None:
    started = (STARTED, PhaseChanged(1, "Training", ""), PLANNED, at_work("training", 3, 25))
    assert "160" not in shown(*started)
    assert "160" in shown(*started, Delivered(UPDATE))


def test_the_share_of_a_round_only_grows_while_a_participant_measures_trains_and_sends() -> None:
    view = View(clock=lambda: 0.0)
    for event in (STARTED, PhaseChanged(1, "Training", ""), PLANNED, TaskStarted(TaskKey(1, "Train", "zoo", 1))):
        view.take(event)
    shares: list[float] = []
    for phase, step in (
        ("measuring accuracy", 9),
        ("training", 1),
        ("training", 5),
        ("validating", 3),
        ("uploading", 0),
    ):
        view.take(at_work(phase, step, 10))
        shares.append(view.round_progress)
    assert shares == pytest.approx([0.0, 0.09, 0.45, 0.45, 0.45])
    view.take(TaskStarted(TaskKey(1, "Train", "zoo", 2)))
    assert view.round_progress == 0.0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(3, "under 10 s"), (43, "about 40 s"), (300, "about 5 min"), (11_400, "about 3 h 10 min"), (7200, "about 2 h")],
)
def test_estimates_are_as_rough_as_they_are(seconds: float, text: str) -> None:
    assert about(seconds) == text


def test_plain_lines_name_the_attempt_that_failed_and_why() -> None:
    assert plain(STARTED, FAILED)[1] == "round 1/2  zoo  attempt 1 failed: its process died"


def test_a_failed_measurement_names_no_round_that_is_not_trained() -> None:
    line = "final adapter  zoo  attempt 1 failed: no space"
    assert plain(STARTED, failed("Measure", "zoo", round=3))[1] == line


def failed(kind: Kind, who: str, *, round: int = 0, retryable: bool = False) -> Ended:
    return Ended(TaskKey(round, kind, who, 1), Execution("Failed", reason="no space", retryable=retryable), 0, 1.0, {})


def test_a_failure_that_ends_the_run_is_reported_once_by_the_command() -> None:
    events = (STARTED, failed("Initialise", "_initialise"), RunEnded("Failed", 0, "no space"))
    assert plain(*events) == plain(STARTED)


def test_a_full_disk_of_the_ledger_is_told_by_the_command_unless_the_run_continues() -> None:
    full = Execution("Failed", reason=f"{DISK_FULL}: /runs (No space left on device).", retryable=True)
    event = Ended(TaskKey(1, "Train", "zoo", 1), full, 0, 1.0, {})
    assert plain(STARTED, PLANNED, event) == plain(STARTED, PLANNED)
    assert f"round 1/2  zoo  attempt 1 failed: {full.reason}" in plain(
        STARTED, PLANNED, event, Recorded(MANIFEST, None, 4.0)
    )


def test_a_failure_that_does_not_end_the_run_is_reported() -> None:
    line = "round 0/2  zoo  attempt 1 failed: no space"
    assert plain(STARTED, failed("Inspect", "zoo"), PLANNED)[1] == line
    assert plain(STARTED, failed("Inspect", "zoo"), RunEnded("Failed", 0, "another cause"))[1:] == [line]
    assert plain(STARTED, failed("Inspect", "zoo", retryable=True))[1:] == [line]


@pytest.mark.parametrize(
    ("kind", "who", "shown"),
    [
        ("Initialise", "_initialise", "initial adapter"),
        ("Aggregate", "_aggregate-1", "aggregation"),
        ("Evaluate", "_evaluate-1", "evaluation"),
    ],
)
def test_tasks_of_the_hub_have_the_users_words(kind: Kind, who: str, shown: str) -> None:
    assert plain(STARTED, failed(kind, who, round=1))[1] == f"round 1/2  {shown}  attempt 1 failed: no space"


def test_a_resumed_run_names_its_round() -> None:
    later = RunStarted("demo", "r1", "file:///runs", ("zoo",), 2, 2)
    assert "resumes at round 2" in plain(later)[0]


def test_json_events_are_an_object_a_line_with_their_type() -> None:
    out = io.StringIO()
    progress = JsonProgress(out)
    for event in (STARTED, Delivered(UPDATE), FAILED):
        progress(event)
    started, delivered, failed = (json.loads(line) for line in out.getvalue().splitlines())
    assert (started["type"], started["participants"]) == ("RunStarted", ["zoo"])
    assert delivered["update"]["trainLoss"] == 1.25
    assert failed["key"] == {"round": 1, "kind": "Train", "who": "zoo", "attempt": 1}


def test_every_line_for_programs_fits_the_published_schema() -> None:
    out = io.StringIO()
    progress = JsonProgress(out)
    evaluation = Evaluation(run_id="r1", round=1, k=1, adapter=DIGEST, samples=9, metrics={"loss": 2.0})
    key = TaskKey(1, "Train", "zoo", 1)
    events = (
        *(STARTED, WorkersStarting(2), PhaseChanged(1, "Training", ""), PLANNED, TaskStarted(key)),
        *(Progress(key, "loading", None, None, None), at_work("training", 1, 5), DONE, FAILED, Delivered(UPDATE)),
        *(Recorded(MANIFEST, None, 4.0), Recorded(MANIFEST, evaluation, 4.0), ObjectIgnored("a", "b")),
        *(StoreOutage("s"), OtherCoordinator("process 1 on host"), RunEnded("Succeeded", 2, "")),
    )
    assert {type(event) for event in events} == set(get_args(Event))
    for event in events:
        progress(event)
    for line in out.getvalue().splitlines():
        check_output("run", json.loads(line))


def shown(*events: Event, width: int = 120) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=False, record=True)
    progress = LiveProgress(console)
    for event in events:
        progress(event)
    console.print(progress.render())
    progress.close()
    return console.export_text()


def test_the_legend_says_among_how_many_labels_the_hub_chooses() -> None:
    labels = AnswerLabels(count=9, commonest=0.2)
    evaluation = Evaluation(run_id="r1", round=0, k=0, adapter=DIGEST, samples=9, metrics={}, labels=labels)
    events = (Recorded(MANIFEST, evaluation, 1.0), PLANNED)
    assert (
        "labels of these rows only (the hub: among 9). sent" in plain(replace(STARTED, own_choices=True), *events)[-1]
    )
    assert "labels" not in plain(STARTED, *events)[-1], "participants measure only their loss"


def test_the_live_table_shows_every_participant_with_its_update() -> None:
    text = shown(STARTED, PLANNED, Delivered(UPDATE))
    for word in ("zoo", "done", "160", "1.250", "loss 2.500", "322 kB"):
        assert word in text


@pytest.mark.parametrize(
    ("width", "columns"),
    [(60, {"loss"}), (80, {"loss", "received", "sent"}), (120, {"loss", "received", "time", "sent"})],
)
def test_the_live_view_fits_narrow_terminals(width: int, columns: set[str]) -> None:
    started = (STARTED, PhaseChanged(1, "Training", ""), PLANNED, at_work("training", 3, 25))
    text = shown(*started, width=width)
    assert all(len(line) <= width for line in text.splitlines())
    assert "training 3/25" in text
    assert "round 1 of 2" in text
    (head,) = (line for line in text.splitlines() if line.startswith("participant"))
    assert set(head.split()) == {"participant", "state", "trained", *columns}
    explained = [word for word in ("trained", "loss", "received", "time", "sent") if f"{word}: " in text]
    assert set(explained) == {"trained", *columns}


def test_the_live_view_has_a_spinner_the_time_steps_and_bars_with_the_time_left_of_round_and_run() -> None:
    now = [1000.0]
    console = Console(file=io.StringIO(), width=80, force_terminal=False, get_time=lambda: now[0])
    progress = LiveProgress(console, clock=lambda: now[0])

    def lines() -> list[str]:
        with console.capture() as captured:
            console.print(progress.render())
        return [line.strip() for line in captured.get().splitlines()]

    for event in (STARTED, PhaseChanged(1, "Training", ""), PLANNED):
        progress(event)
    first = lines()
    assert first[0].startswith("⠋ demo · round 1 of 2 · ")
    assert first[0].endswith(" 0:00")
    assert [line.split() for line in first[1:3]] == [["round", "0%"], ["run", "0%"]], "no time left yet"
    now[0] += 90.1
    progress(at_work("training", 10, 20))
    later = lines()
    assert later[0][0] in "⠙⠹⠸⠼⠴⠦⠧⠇⠏", "the spinner has moved"
    assert later[0].endswith(" 1:30")
    bar = "━" * 40
    assert [re.sub(" +", " ", line) for line in later[1:3]] == [
        f"round {bar[:18]} 45% about 2 min left",
        f"run {bar[:9]} 22% about 5 min left",
    ]
    assert any(line.startswith("zoo") and "training 10/20" in line for line in later)
    progress(RunEnded("Succeeded", 2, ""))
    assert lines() == ["demo · round 2 of 2 · succeeded"], "no spinner and no bar once it has ended"
    progress.close()


def test_the_live_view_says_that_workers_start() -> None:
    text = shown(STARTED, WorkersStarting(2), TaskStarted(TaskKey(0, "Inspect", "zoo", 1)))
    assert "starting 2 workers (loading PyTorch)" in text
    assert "waiting for a worker" in text
    text = shown(STARTED, WorkersStarting(1), at_work("data", round=0, kind="Inspect"))
    assert "reading rows" in text
    assert "starting" not in text


def test_many_participants_are_cut_to_those_that_work() -> None:
    who = tuple(f"p{number}" for number in range(60))
    started = RunStarted("demo", "r1", "file:///runs/default/demo", who, 2, 0)
    members = tuple(PlanMember(participant=one, start=0, samples=90, distinct=90, seed=1) for one in who)
    plan = PLAN.model_copy(update={"members": members})
    text = shown(started, Planned(plan, dict.fromkeys(who, 160)), at_work("training", 3, 25, who="p59"))
    assert "training 3/25" in text
    assert "more: 0 done" in text
    assert len(text.splitlines()) < 30


def test_a_finished_run_shown_again_has_no_empty_table() -> None:
    text = shown(STARTED, RunEnded("Succeeded", 2, "it was finished before"))
    assert "round 2 of 2" in text
    assert "it was finished before" in text
    assert "state" not in text


def test_bars_do_not_fall_back_while_the_final_adapter_is_measured() -> None:
    final = TaskStarted(TaskKey(2, "Measure", "zoo", 1))
    text = shown(STARTED, PLANNED, Delivered(UPDATE), PhaseChanged(2, "Measuring", ""), final)
    assert "measuring the final adapter" in text
    assert "waiting for a worker" in text
    assert "%" not in text


@pytest.mark.parametrize("no_color", [True, False])
def test_no_color_is_followed(monkeypatch: pytest.MonkeyPatch, no_color: bool) -> None:
    monkeypatch.setenv("NO_COLOR", "1" if no_color else "")
    monkeypatch.setenv("TERM", "xterm-256color")
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=True)
    progress = LiveProgress(console)
    for event in (STARTED, PhaseChanged(1, "Training", ""), PLANNED, at_work("training", 3, 25)):
        progress(event)
    console.print(progress.render())
    progress.close()
    codes = {code for found in re.findall(r"\x1b\[([0-9;]*)m", out.getvalue()) for code in found.split(";")}
    colours = {code for code in codes if re.fullmatch(r"[349][0-8]|10[0-7]", code)}
    assert bool(colours) is not no_color


def test_a_last_phase_that_is_reported_after_the_update_has_arrived_changes_nothing() -> None:
    view = View()
    for event in (STARTED, PhaseChanged(1, "Training", ""), PLANNED, Delivered(UPDATE), at_work("uploading")):
        view.take(event)
    assert (view.rows["zoo"].state, view.rows["zoo"].is_busy) == ("done", False)
