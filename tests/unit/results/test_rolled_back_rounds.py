"""All commands say the same of a run whose last rounds were rolled back: its adapter is that of an earlier round."""

import json
import re
from pathlib import Path

import pytest

from fedtrain.baseline.subjects import subject_of
from fedtrain.contracts.untrusted_records import Preflight
from fedtrain.results.curve import curve
from fedtrain.results.report.content import content
from fedtrain.results.report.telemetry import ReportTelemetry
from fedtrain.results.run_list import list_runs
from fedtrain.results.run_result import result_lines, run_result
from fedtrain.results.summary import summarise
from tests.support.command_line import fedtrain
from tests.support.ledger_by_hand import HUB, WHO, Hand

WHY = "accuracy 34.9% is worse than the best so far, 41.2%, by more than the gate's maxRegression 2.0%"


@pytest.fixture
def run(rolled_back: Hand, runs: Path) -> Path:
    return runs / "default/gated"


def test_baseline_measures_the_adapter_that_the_run_ended_with(rolled_back: Hand) -> None:
    ledger = rolled_back.ledger
    summary = summarise(ledger)
    preflights = {who: found for who in WHO if (found := ledger.read(f"preflight/{who}.json", Preflight))}
    arm = subject_of(summary.spec, preflights, "Federated", None, 225, ledger, 3).arm()
    assert arm.adapter == summary.adapter == summary.round(1).adapter
    assert arm.hub["accuracy"] == HUB[1]
    assert {who: metrics["accuracy"] for who, metrics in arm.own.items()} == {
        who: pytest.approx(HUB[1] + len(who) / 100) for who in WHO
    }, "the measurements of the final adapter are in the folder of the last round"


def test_the_list_has_the_metric_of_the_accepted_adapter(rolled_back: Hand, runs: Path) -> None:
    (line,) = list_runs(str(runs)).runs
    assert (line.base, line.metric) == (HUB[0], HUB[1])


def test_status_shows_what_was_rejected_and_why(run: Path) -> None:
    lines = [" ".join(line.split()) for line in fedtrain("status", run).stdout.splitlines()]
    assert "2 RolledBack 3/3 2,400 1.567 (2.302) (34.9%) 20 s" in lines
    assert f"round 2 was rolled back: {WHY}" in lines
    assert any(line.startswith("round 3 was rolled back: accuracy 22.1%") for line in lines)
    assert any(line.startswith("zoo RolledBack 800") for line in lines)
    assert any("(in parentheses: of an adapter that was rejected)" in line for line in lines)


def test_the_end_of_a_run_names_the_rollbacks_and_the_round_of_the_adapter(rolled_back: Hand) -> None:
    lines = result_lines(run_result(summarise(rolled_back.ledger), None, Path("/runs/adapter")))
    assert lines[0] == "gated: succeeded after 3 rounds in 60 s"
    assert lines[1] == f"rounds 2 and 3 were rolled back, the last because {WHY.replace('34.9%', '22.1%')}"
    assert "accuracy: 12.6% → 41.2% (higher is better)" in lines
    assert lines[-1] == "adapter of round 1: /runs/adapter"


def test_the_report_agrees_with_itself_and_marks_rejected_rounds(rolled_back: Hand, tmp_path: Path) -> None:
    summary = summarise(rolled_back.ledger)
    shown = curve(summary)
    assert shown is not None
    assert shown.last == HUB[1]
    assert shown.points == ((0, HUB[0]), (1, HUB[1]))
    assert (shown.rejected, shown.rounds) == (((2, 0.349), (3, 0.221)), 3)
    values = content(summary, None, ReportTelemetry())
    assert values["incidents"].rows[0] == ("2", "–", "RolledBack", WHY)
    assert "updates" not in values["incidents_about"]
    assert "A round that was rolled back ended with the adapter of the round before it." in values["incidents_about"]
    assert "34.9% in round 2, rolled back" in values["metric_charts"][0].alt
    assert "rolled back" in values["metric_charts"][1].svg


def test_incidents_of_updates_are_still_explained(finished: Hand) -> None:
    values = content(summarise(finished.ledger), None, ReportTelemetry())
    assert values["incidents_about"] == "The rounds continued without these updates, or with a new attempt."


def test_compare_names_the_same_adapter(rolled_back: Hand, run: Path, tmp_path: Path) -> None:
    plain = json.loads(fedtrain("compare", run, run, "-o", "json").stdout)
    assert plain["runs"][0]["last"] == HUB[1]


def test_all_commands_call_the_adapter_by_the_round_that_made_it(run: Path, tmp_path: Path) -> None:
    result = fedtrain("export", run, "--out", tmp_path / "newest")
    assert result.stderr.splitlines()[0] == ("note: rounds 2 and 3 were rolled back; this is the adapter of round 1"), (
        result.stderr
    )
    named = fedtrain("export", run, "--round", "2", "--out", tmp_path / "named")
    assert f"note: round 2 was rolled back ({WHY}); this is the adapter of round 1" in named.stderr
    assert "note: round" not in fedtrain("export", run, "--round", "1", "--out", tmp_path / "made").stderr
    cards = {name: (tmp_path / name / "README.md").read_text() for name in ("newest", "named", "made")}
    assert len({re.sub(r"newest|named|made", "", card) for card in cards.values()}) == 1, "it is one adapter"
    assert "| round | 1 of 3 (Committed) |" in cards["newest"]
    assert f"- Round 2 was rolled back: {WHY}." in cards["newest"]
    assert "| 2 | RolledBack | 3 | 1.567 | (2.302) | (34.9%) |" in cards["newest"]
    assert "| zoo | 1,200 | 100 | 800 | 1 |" in cards["newest"]


def test_a_run_that_continues_is_called_by_the_round_that_made_its_adapter(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = fedtrain("init", "--from", run, tmp_path)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "gated-adapter-1/adapter_model.safetensors").is_file()
    assert "the adapter of gated after round 1" in result.stdout


def test_a_skipped_round_keeps_the_adapter_of_an_earlier_one(hand: Hand, runs: Path, tmp_path: Path) -> None:
    hand.begin()
    hand.whole_round(1)
    hand.record(hand.plan(2), None, outcome="Skipped")
    result = fedtrain("export", runs / "default/quickstart", "--out", tmp_path / "newest")
    assert "note: round 2 was skipped; this is the adapter of round 1" in result.stderr
