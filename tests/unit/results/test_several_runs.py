"""`fedtrain list` and `fedtrain compare`, through the real command line."""

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from comparisons import arms
from matplotlib.figure import Figure

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.storage import File, Storage
from fedtrain.contracts.answer_labels import AnswerLabels
from fedtrain.ledger.open import open_ledger
from fedtrain.results.best_round import best_point
from fedtrain.results.charts.runs import Line
from fedtrain.results.comparison import Arm, Comparison, write_comparison
from fedtrain.results.curve import curve
from fedtrain.results.locate import locate
from fedtrain.results.measured_arms import measured_arms
from fedtrain.results.run_comparison.compared import compare_runs, run_names, short_addresses, tables
from fedtrain.results.run_comparison.differences import by_block
from fedtrain.results.run_comparison.hub_rows import other_rows_warning
from fedtrain.results.run_comparison.page import breakable, charts, page
from fedtrain.results.run_summary import RunSummary
from fedtrain.results.summary import summarise
from tests.support.command_line import fedtrain
from tests.support.ledger_by_hand import SPEC, Hand
from tests.support.outputs import check_output

ARM = {key: value for key, value in SPEC.items() if key != "evaluation"}
"""The spec of a run that `fedtrain baseline` adds has no evaluation."""


@pytest.fixture
def second(finished: Hand, runs: Path) -> Hand:
    """An unfinished run with another learning rate beside the finished one."""
    storage = Storage(type="File", file=File(path=str(runs)))
    hand = Hand(open_ledger(storage, "default", "second"), spec={**SPEC, "training": {**SPEC["training"], "seed": 5}})
    hand.begin()
    hand.whole_round(1)
    return hand


def test_list_shows_phase_rounds_and_metric_of_each_run(second: Hand, runs: Path) -> None:
    result = fedtrain("list", runs)
    assert result.exit_code == 0, result.stderr
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert any("default/quickstart Succeeded 3/3 accuracy 12.6% → 67.1%" in line for line in lines)
    assert any("default/second Interrupted 1/3 accuracy 12.6% → 41.2%" in line for line in lines)
    printed = json.loads(fedtrain("list", runs.parent, "-o", "json").stdout)
    check_output("list", printed)
    found = printed["runs"]
    assert [Path(run["run"]).name for run in found] == ["quickstart", "second"]


@pytest.fixture
def compared(finished: Hand, runs: Path) -> Path:
    """The folder of runs with those of `fedtrain baseline` beside the finished one: zoo alone and zoo personalised."""
    ledger = finished.ledger
    summary = summarise(ledger)
    for name in ("quickstart-alone-zoo", "quickstart-personal-zoo"):
        arm = Hand(open_ledger(Storage(type="File", file=File(path=str(runs))), "default", name), spec=ARM)
        arm.begin(evaluated=False)
    personal = Arm("Personalised", "zoo", "default/quickstart-personal-zoo", own={"zoo": {"accuracy": 0.8}})
    measured = [replace(arm, run=f"default/quickstart-{arm.kind.lower()}-{arm.participant}") for arm in arms()]
    write_comparison(ledger, Comparison(summary.run_id, summary.adapter or "", (*measured, personal)))
    return runs / "default"


def test_list_counts_the_runs_of_a_baseline_and_shows_them_with_their_metric_on_demand(compared: Path) -> None:
    usual, every = (fedtrain("list", compared.parent, *option) for option in ((), ("--all",)))
    assert "alone-zoo" not in usual.stdout
    assert "quickstart " in usual.stdout
    assert usual.stdout.endswith("not shown: 2 runs of `fedtrain baseline` (see --all)\n")
    lines = [" ".join(line.split()) for line in every.stdout.splitlines()]
    assert any("quickstart-alone-zoo" in line and "accuracy 12.6% → 50.1%" in line for line in lines)
    assert any("quickstart-personal-zoo" in line and "accuracy (zoo) 69.0% → 80.0%" in line for line in lines)
    assert "not shown" not in every.stdout
    printed = json.loads(fedtrain("list", compared.parent, "-o", "json").stdout)
    check_output("list", printed)
    assert sorted(Path(run["armOf"]).name for run in printed["runs"] if "armOf" in run) == ["quickstart"] * 2


def test_compare_shows_what_a_baseline_measured_of_its_runs(compared: Path, tmp_path: Path) -> None:
    names = (compared / "quickstart-alone-zoo", compared / "quickstart-personal-zoo")
    result = fedtrain("compare", *names, "--out", tmp_path / "charts.html")
    assert result.exit_code == 0, result.output
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert any("alone-zoo" in line and "accuracy 12.6% 50.1% 50.1%" in line for line in lines)
    assert any("personal-zoo" in line and "accuracy (zoo) 69.0% 80.0% 80.0%" in line for line in lines)
    html = (tmp_path / "charts.html").read_text()
    assert "50.1%" in html
    assert "Dashed lines: runs of <code>fedtrain baseline</code>" in html
    assert "(replaced)" not in result.stdout
    again = fedtrain("compare", *names, "--out", tmp_path / "charts.html")
    assert again.stdout.endswith("charts.html (replaced)\n")


def test_the_page_of_runs_without_a_baseline_explains_no_dashed_lines(finished: Hand) -> None:
    summary = summarise(finished.ledger)
    assert "Dashed lines" not in page([summary, replace(summary, name="longer")], {})


def test_fields_are_wrapped_after_a_dot_on_a_phone() -> None:
    assert breakable("spec.rounds.<count>", ".") == "spec.<wbr>rounds.<wbr>&lt;count&gt;"


def test_the_chart_has_a_level_line_for_training_alone(compared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: dict[str, Sequence[Line]] = {}

    def draw(lines: Sequence[Line], title: str, *_: object) -> Figure:
        drawn[title] = lines
        return Figure()

    monkeypatch.setattr("fedtrain.results.run_comparison.page.runs_by_round", draw)
    ledgers = [locate(str(compared / name)).ledger for name in ("quickstart", "quickstart-alone-zoo")]
    charts([summarise(ledger) for ledger in ledgers], measured_arms(ledgers[0]))
    run, alone = drawn["accuracy (higher is better)"]
    assert (run.level, len(run.points)) == (False, 4)
    assert (alone.level, alone.points) == (True, ((1, 0.501),))
    assert [line.name for line in drawn["loss (lower is better)"]] == ["quickstart"]


def test_list_names_a_run_that_cannot_be_read_and_shows_the_others(second: Hand, runs: Path) -> None:
    path = runs / "default/quickstart/run.json"
    path.chmod(0o600)
    path.write_text("{")
    result = fedtrain("list", runs)
    lines = result.stdout.splitlines()
    assert any("quickstart" in line and "Unreadable" in line for line in lines)
    assert result.stderr.startswith(f"warning: {path} is damaged (it is not valid JSON).")
    assert any("second" in line and "Interrupted" in line for line in lines)


def test_list_finds_the_runs_of_federations_in_folders_of_their_own(
    finished: Hand, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(runs, tmp_path / "around/mine/runs")
    monkeypatch.chdir(tmp_path / "around")
    result = fedtrain("list")
    assert "mine/runs/default/quickstart" in result.stdout, result.stderr


def test_list_shows_the_runs_in_the_store_of_a_federation_file(
    finished: Hand, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert fedtrain("init", "other folder").exit_code == 0
    file = Path("other folder/federation.yaml")
    before = fedtrain("list", file)
    said = f"no runs in the store of {file}. `fedtrain run '{file}'` starts one.\n"
    assert (before.exit_code, before.stdout, before.stderr) == (0, "", said)
    file.write_text(file.read_text().replace("./runs", str(runs)))
    assert "default/quickstart" in fedtrain("list", file).stdout
    file.write_text("kind: [")
    assert fedtrain("list", file).exit_code == 1


def test_list_of_a_place_without_runs_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # where `runs` does not exist yet
    for place in ((tmp_path,), ()):
        result = fedtrain("list", *place)
        assert (result.exit_code, result.stdout) == (0, "")
        assert f"no runs below {place[0] if place else 'runs or */runs'}." in result.stderr
        assert "`fedtrain run federation.yaml` starts one" in result.stderr
    result = fedtrain("list", tmp_path / "nothing")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "nothing does not exist. Name the folder of your runs" in result.stderr


def test_compare_leaves_out_a_run_that_cannot_be_read(second: Hand, runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs / "default/second", runs / "default/third")
    path = runs / "default/quickstart/run.json"
    path.chmod(0o600)
    path.write_text("{")
    three = [runs / "default" / name for name in ("quickstart", "second", "third")]
    result = fedtrain("compare", *three, "--out", tmp_path / "charts.html")
    assert result.exit_code == 0, result.stderr
    assert result.stderr.startswith(f"warning: left out {three[0]}: {path} is damaged (it is not valid JSON).")
    result = fedtrain("compare", *three[:2])
    assert result.exit_code == 1
    assert "fewer than two runs can be read" in result.stderr


def test_runs_of_the_same_name_are_told_apart_by_the_part_of_their_path_that_differs() -> None:
    folders = ["file:///home/ana/a/runs/default/q", "file:///home/ana/b/runs/default/q"]
    assert short_addresses(folders) == ["a/…/q", "b/…/q"]
    assert short_addresses(["s3://one/team/q", "s3://two/team/q"]) == ["one/…/q", "two/…/q"]
    assert short_addresses(["file:///home/q", "file:///home/q"]) == ["file:///home/q", "file:///home/q"]


def test_compare_shows_results_and_the_fields_that_differ(second: Hand, runs: Path, tmp_path: Path) -> None:
    names = (runs / "default/quickstart", runs / "default/second")
    result = fedtrain("compare", *names, "--out", tmp_path / "charts.html")
    assert result.exit_code == 0, result.stderr
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert any(line.startswith("quickstart Succeeded 3 accuracy 12.6% 67.1% 67.1% (round 3)") for line in lines)
    assert any(line.startswith("second Interrupted 1 accuracy 12.6% 41.2% 41.2% (round 1)") for line in lines)
    assert [line for line in lines if line.startswith("spec.")] == ["spec.training.seed 17 5"]
    page = (tmp_path / "charts.html").read_text()
    assert page.count("<svg ") == 6, "accuracy, loss at the hub and training loss"
    assert "quickstart and second" in page


def test_runs_with_different_headline_metrics_are_compared_by_the_first_metric_that_all_have(
    second: Hand, finished: Hand
) -> None:
    one, other = summarise(finished.ledger), summarise(second.ledger)
    hub = other.spec.evaluation.hub
    assert hub is not None
    loss = hub.model_copy(update={"metrics": tuple(metric for metric in hub.metrics if metric.name == "loss")})
    evaluation = other.spec.evaluation.model_copy(update={"hub": loss})
    without_accuracy = replace(other, spec=other.spec.model_copy(update={"evaluation": evaluation}))
    assert [run.metric for run in compare_runs((one, other)).runs] == ["accuracy", "accuracy"]
    assert [run.metric for run in compare_runs((one, without_accuracy)).runs] == ["loss", "loss"]


def test_compare_warns_of_metrics_that_the_hubs_measured_on_other_rows(second: Hand, finished: Hand) -> None:
    one, other = summarise(finished.ledger), summarise(second.ledger)
    names = ("quickstart", "second")
    warning = "Do not compare the metrics of second with those of quickstart: the hub measured them on other rows."
    alike = f"{warning.removesuffix('other rows.')}as many rows, but other ones."

    def changed(run: RunSummary, **fields: Any) -> RunSummary:
        return replace(run, rounds=tuple(replace(round, **fields) for round in run.rounds))

    six, seven = (AnswerLabels(count=count, commonest=0.2) for count in (6, 7))
    assert other_rows_warning((one, other), names) == ""
    assert other_rows_warning((one, changed(other, samples=719)), names) == warning
    assert other_rows_warning((changed(one, labels=six), changed(other, labels=seven)), names) == alike
    assert other_rows_warning((changed(one, labels=six), other), names) == ""
    a, b = (f"blake3:{letter * 64}" for letter in "ab")
    assert other_rows_warning((changed(one, rows=a), changed(other, rows=b)), names) == alike
    assert other_rows_warning((changed(one, rows=a), changed(other, rows=b, samples=719)), names) == warning
    assert other_rows_warning((changed(one, rows=a), changed(other, rows=a)), names) == ""
    assert other_rows_warning((changed(one, rows=a), other), names) == "", "an earlier version recorded no digest"
    assert other_rows_warning((changed(one, samples=None), other), names) == ""
    runs = (one, changed(other, samples=719))
    (results, _) = tables(compare_runs(runs), runs)
    assert results.legend.startswith(warning)


def test_compare_shows_a_block_that_one_run_lacks_as_one_field() -> None:
    without = {key: value for key, value in SPEC.items() if key != "evaluation"}
    less = {**without, "participants": SPEC["participants"][:1]}
    specs = [FederatedTrainingSpec.model_validate(one) for one in (SPEC, less)]
    assert {one.field: one.values for one in by_block(specs)} == {
        "evaluation.hub": ("set", None),
        "evaluation.participants": ("set", None),
        "participants[1]": ('"observatory"', None),
        "participants[2]": ('"zoo"', None),
    }
    other = {**SPEC, "participants": [*SPEC["participants"][:2], {"name": "garden"}]}
    three = [FederatedTrainingSpec.model_validate(one) for one in (SPEC, less, other)]
    assert "participants[2].name" in {one.field for one in by_block(three)}, "two of them differ within the block"


def test_compare_for_programs_writes_no_file_unless_asked(
    second: Hand, runs: Path, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = fedtrain("compare", runs / "default/quickstart", runs / "default/second", "-o", "json")
    plain = json.loads(result.stdout)
    check_output("compare", plain)
    assert [run["bestRound"] for run in plain["runs"]] == [3, 1]
    assert plain["differences"] == [{"field": "training.seed", "values": ["17", "5"]}]
    assert not (tmp_path / "comparison.html").exists()


def test_compare_needs_two_runs(finished: Hand, runs: Path) -> None:
    result = fedtrain("compare", runs / "default/quickstart")
    assert result.exit_code == 2
    assert "at least two runs" in result.stderr


def test_runs_of_one_name_are_distinguished(finished: Hand, runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs, tmp_path / "copy")
    copy = open_ledger(Storage(type="File", file=File(path=str(tmp_path / "copy"))), "default", "quickstart")
    summaries = [summarise(finished.ledger), summarise(copy)]
    assert run_names(summaries) == ["runs/…/quickstart", "copy/…/quickstart"]
    drawn = charts(summaries)
    assert drawn[0].alt == "accuracy (higher is better) by round, a line each run"
    assert [chart.kind for chart in drawn] == ["wide", "narrow"] * 3, "a phone has charts of its own"
    assert page(summaries, {}).count("runs/…/quickstart") > 1


@pytest.mark.parametrize("folders", [("ana", "ana/deep/x"), ("ana/secret", "ana")])
def test_the_page_names_runs_without_folders_of_this_machine(
    finished: Hand, runs: Path, tmp_path: Path, folders: tuple[str, str]
) -> None:
    summaries: list[RunSummary] = []
    for folder in folders:
        shutil.copytree(runs, tmp_path / folder / "runs")
        copy = open_ledger(
            Storage(type="File", file=File(path=str(tmp_path / folder / "runs"))), "default", "quickstart"
        )
        summaries.append(summarise(copy))
    html = page(summaries, {})
    assert not re.search(r"\bana\b|secret|deep", html)
    assert all(f"default/quickstart ({number})" in html for number in (1, 2))
    shown = curve(summaries[0])
    assert shown is not None
    assert best_point(shown) == (3, pytest.approx(0.671))
