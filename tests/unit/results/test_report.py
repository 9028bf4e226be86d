"""The report is one file that shows the run's numbers and asks for nothing else."""

import json
import re
import shlex
import shutil
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner
from comparisons import arms, keep_comparison

from fedtrain.api.storage import File, Storage
from fedtrain.cli.main import main
from fedtrain.contracts.digests import digest_bytes
from fedtrain.ledger.open import open_ledger
from fedtrain.results.charts.steps import thinned
from fedtrain.results.charts.style import GRID, INK, MUTED
from fedtrain.results.comparison import Comparison
from fedtrain.results.picture import write_picture
from fedtrain.results.report import report, write_report
from fedtrain.results.report.figures import legend
from fedtrain.results.report.page import prose
from fedtrain.results.report.telemetry import ReportTelemetry, read_telemetry
from fedtrain.results.summary import summarise
from tests.support.ledger_by_hand import SPEC, Hand


class Page(HTMLParser):
    """Collects what a browser would load, the ids, and the text."""

    VOID = {"meta", "link", "img", "br", "hr", "input"}

    def __init__(self, html: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        assert self._open == [], f"never closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in self.VOID:
            self._open.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href", "action", "data", "poster", "srcset"):
                self.loaded.append(value or "")
            if name == "id":
                self.ids.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> without a beginning"
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data + " "


@pytest.fixture(scope="module")
def html(template: tuple[Path, Hand], tmp_path_factory: pytest.TempPathFactory) -> str:
    """Written once for all tests: drawing takes a while."""
    runs = tmp_path_factory.mktemp("report") / "runs"
    shutil.copytree(template[0], runs)
    ledger = open_ledger(Storage(type="File", file=File(path=str(runs))), "default", "quickstart")
    keep_comparison(ledger)
    return write_report(ledger, runs / "report.html").read_text(encoding="utf-8")


def test_it_loads_nothing_and_runs_nothing(html: str) -> None:
    page = Page(html)
    assert [reference for reference in page.loaded if not reference.startswith("#")] == []
    assert "script" not in page.tags
    assert re.findall(r"https?://", html) == []
    assert re.findall(r"url\((?!#)|@import", html) == []


def test_references_within_it_lead_somewhere_and_ids_are_unique(html: str) -> None:
    page = Page(html)
    wanted = {reference[1:] for reference in page.loaded} | set(re.findall(r"url\(#([^)]+)\)", html))
    assert wanted
    assert wanted <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))


def test_it_begins_with_the_result_in_a_sentence(html: str) -> None:
    text = " ".join(Page(html).text.split())
    assert (
        "After 3 rounds, 3 participants share one adapter with 67.1% accuracy on the hub's 720 held-out rows; the base "
        "model has 12.6%. That is 1.25 times what the best participant reaches alone (museum, 53.5%), and 89% of what "
        "pooling all data would gain."
    ) in text


def test_a_metric_of_an_earlier_round_is_named_so(hand: Hand) -> None:
    hand.begin()
    hand.whole_round(1)
    summary = summarise(hand.ledger)
    said = "(measured after round 1)"
    assert said not in report(summary, None)
    unmeasured = replace(summary.round(1), number=2, metrics={})
    summary = replace(summary, rounds=(*summary.rounds[:2], unmeasured), rounds_done=2)
    html = report(summary, None)
    assert f"41.2% accuracy on the hub&#39;s 720 held-out rows {said}; the base model has" in html
    assert "<b>41.2%</b><span>accuracy after round 1</span>" in html
    skipped = replace(summary, rounds=(*summary.rounds[:2], replace(unmeasured, outcome="Skipped")))
    assert said not in report(skipped, None), "it has the adapter of round 1"


def test_damage_of_the_ledger_has_its_own_alarm(finished: Hand, runs: Path) -> None:
    (runs / "default/quickstart/rounds/0002/plan.json").unlink()
    text = " ".join(Page(report(summarise(finished.ledger), None)).text.split())
    assert "Participants are missing" not in text
    assert "Damaged: rounds/0002/plan.json is missing. Restore it from a backup; fedtrain ledger" in text


def test_it_tells_what_went_wrong_and_why(html: str) -> None:
    text = " ".join(Page(html).text.split())
    assert "2 zoo Retried attempt 1: its process died" in text
    assert "3 observatory Quarantined norm 812 is beyond 10 times the median" in text


def test_it_tells_digests_and_how_to_check_them(html: str, template: tuple[Path, Hand]) -> None:
    summary = summarise(template[1].ledger)
    text = Page(html).text
    assert summary.adapter is not None
    assert summary.head is not None
    assert summary.adapter in text
    assert summary.head in text
    assert "fedtrain ledger verify" in text


def test_the_commands_that_check_an_adapter_run_as_they_stand(
    html: str, template: tuple[Path, Hand], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(template[0], tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    (commands,) = (text for text in re.findall(r"<pre>([^<]*)</pre>", html) if "b3sum" in text)
    *ours, check = (shlex.split(line) for line in unescape(commands).splitlines())
    for program, *arguments in ours:
        assert program == "fedtrain"
        assert CliRunner().invoke(main, arguments).exit_code == 0, arguments
    program, file = check
    assert program == "b3sum"
    assert digest_bytes(Path(file).read_bytes()) in html


def test_charts_say_in_words_what_they_show(html: str) -> None:
    labels = re.findall(r'aria-label="([^"]+)"', html)
    assert any("67.1% after round 3" in label for label in labels)
    assert any("museum 53.5% to 67.1%" in label for label in labels)


def test_time_is_shared_out_over_the_phases(html: str) -> None:
    text = " ".join(Page(html).text.split())
    # A round: 2 workers x 20 s; three trainings of 8 s (6.5 of it training), 2 s at the hub, .5 s aggregating.
    # Round 2 has a failed attempt of 1.5 s besides.
    assert (
        "the processes that ran the tasks: training 49%, measuring 8%, preparing 4%, exchanging 1%, evaluating 5%, "
        "aggregating 1%, idle 32%."
    ) in text


def test_losses_by_step_continue_over_the_rounds(finished: Hand) -> None:
    finished.ledger.store.delete("default/quickstart/telemetry/")
    for round, attempt in ((1, 1), (2, 2)):
        curve = json.dumps({"curve": [3.0, float("nan"), 2.0], "versions": {"torch": f"2.{round}"}}).encode()
        finished.ledger.put_telemetry(f"rounds/{round:04d}/zoo-{attempt}/trainer.json", curve)
    telemetry = read_telemetry(finished.ledger, summarise(finished.ledger))
    assert telemetry.losses == {"zoo": [(1, 3.0), (2, 2.0), (26, 3.0), (27, 2.0)]}, "a round has 25 steps"
    assert telemetry.versions == {"torch": ("2.1", "2.2")}
    html = report(summarise(finished.ledger), None, telemetry)
    assert "training loss of every participant by step of the run" in html
    assert "torch 2.1 and 2.2" in html


def test_long_lines_are_means_of_neighbours() -> None:
    assert thinned([(1, 4.0), (2, 2.0), (3, 1.0)], 2) == [(1.5, 3.0), (3.0, 1.0)]
    assert thinned([], 2) == []


def test_it_has_the_days_of_the_run(finished: Hand) -> None:
    html = report(summarise(finished.ledger), None, ReportTelemetry(began=86_000.0, recorded=90_000.0))
    assert "· Succeeded · 1970-01-01 to 1970-01-02" in html


def test_one_legend_names_every_participant_and_bounds_the_colours() -> None:
    assert legend(["zoo", "museum"]) == [("zoo", "#e0702f"), ("museum", "#8b57c9")]
    many = legend([f"p{number}" for number in range(20)])
    assert (len(many), many[-1][0]) == (8, "13 others")


def test_backticks_become_code(hand: Hand) -> None:
    assert prose("Run `a < b` & see ` alone") == "Run <code>a &lt; b</code> &amp; see ` alone"
    hand.begin()
    hand.plan(1)
    hand.fail(1, message="Use `fedtrain run` again.")
    assert "Use <code>fedtrain run</code> again." in report(summarise(hand.ledger), None)


def test_no_text_of_a_report_has_a_backtick(html: str, hand: Hand) -> None:
    hand.begin()
    hand.whole_round(1)
    hand.plan(2)
    hand.fail(2, message="Use `fedtrain run` again.")
    failed = report(summarise(hand.ledger), None)
    assert "Use <code>fedtrain run</code> again." in failed
    for written in (html, failed):
        assert "`" not in Page(re.sub(r"<(pre|style)>.*?</\1>", "", written, flags=re.DOTALL)).text
        assert [label for label in re.findall(r'aria-label="([^"]+)"', written) if "`" in label] == []


def test_charts_follow_the_dark_look(html: str) -> None:
    charts = "".join(re.findall(r"<svg.*?</svg>", html, re.DOTALL))
    assert "var(--ink)" in charts
    assert [tone for tone in (INK, MUTED, GRID, "#ffffff") if tone in charts] == []
    variables = set(re.findall(r"var\((--[a-z-]+)\)", html)) - {"--under"}  # one of the others
    dark = html.partition("prefers-color-scheme: dark")[2].partition("}")[0]
    assert {name for name in variables if f"{name}:" not in dark} == set()
    assert "--active-soft" in variables


def test_it_prints_on_white_with_whole_tables(html: str) -> None:
    schemes = re.findall(r"@media ([^{]*prefers-color-scheme[^{]*) {", html)
    assert schemes == ["screen and (prefers-color-scheme: dark)"]
    printed = html.partition("@media print {")[2]
    assert re.search(r"\.table {[^}]*overflow: visible", printed)
    assert re.search(r"figure, tr, [^{]*{ break-inside: avoid; }", printed)


def test_wide_tables_can_be_scrolled_with_the_keyboard_and_show_that_they_can(html: str) -> None:
    """A shadow marks the side with hidden text: the colour below the text lies over it and moves with the text."""
    hint = 'role="region" tabindex="0" aria-label="Table; wide ones scroll sideways"'
    assert html.count("<table>") == html.count('tabindex="0"') == html.count(hint) > 0
    (rule,) = re.findall(r"^\.table, pre { overflow-x: auto;[^}]*}", html, re.MULTILINE)
    assert ".table { --under: var(--page);" in html
    assert "pre { --under: var(--soft);" in html
    layers = re.findall(
        r"linear-gradient\(to (right|left), var\((--\w+)\).*?\) (left|right) / \S+ 100% no-repeat (\w+)", rule
    )
    assert layers == [
        ("right", "--under", "left", "local"),
        ("left", "--under", "right", "local"),
        ("right", "--shade", "left", "scroll"),
        ("left", "--shade", "right", "scroll"),
    ]


def test_without_a_comparison_it_says_how_to_make_one(finished: Hand) -> None:
    text = Page(report(summarise(finished.ledger), None)).text
    assert "Not compared yet. Run  fedtrain baseline  to train" in text


def test_names_and_messages_are_text_and_never_markup(hand: Hand) -> None:
    hand.spec = {**SPEC, "data": {**SPEC["data"], "dataset": "glosses"}, "model": {"base": "<script>alert(1)</script>"}}
    hand.begin()
    hand.plan(1)
    hand.fail(1, message="lost & <b>found</b>")
    page = Page(report(summarise(hand.ledger), None))
    assert "script" not in page.tags
    assert "lost & <b>found</b>" in page.text


@pytest.mark.parametrize("rounds", [0, 1])
def test_a_run_that_has_only_begun_has_a_report(hand: Hand, rounds: int) -> None:
    hand.begin(evaluated=bool(rounds))
    if rounds:
        hand.whole_round(1)
    assert "quickstart" in Page(report(summarise(hand.ledger), None)).text


def test_without_telemetry_the_rest_is_shown(finished: Hand) -> None:
    finished.ledger.store.delete("default/quickstart/telemetry/")
    page = Page(report(summarise(finished.ledger), None))
    assert "67.1%" in page.text
    assert "workers" not in page.text


def test_the_same_run_gives_the_same_bytes(html: str, template: tuple[Path, Hand]) -> None:
    summary = summarise(template[1].ledger)
    comparison = Comparison(summary.run_id, summary.adapter or "", arms())
    again = report(summary, comparison, read_telemetry(template[1].ledger, summary))
    place = re.compile(r"(?<=[> ])(runs|template\d+)(?=/default|<)")
    assert place.sub("PLACE", again) == place.sub("PLACE", html)


def test_the_command_writes_beside_the_run_or_to_a_given_path(finished: Hand, runs: Path, tmp_path: Path) -> None:
    run = runs / "default/quickstart"
    result = CliRunner().invoke(main, ["report", str(run)])
    assert result.stdout.strip() == str(run / "report.html")
    result = CliRunner().invoke(main, ["report", str(run), "--out", str(tmp_path / "mine.html")])
    assert (tmp_path / "mine.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_the_picture_is_a_png_when_there_is_something_to_show(finished: Hand, tmp_path: Path) -> None:
    keep_comparison(finished.ledger)
    written = write_picture(finished.ledger, tmp_path / "picture.png")
    assert written is not None
    assert written.read_bytes().startswith(b"\x89PNG")


def test_no_picture_is_made_of_nothing(hand: Hand, tmp_path: Path) -> None:
    hand.begin(evaluated=False)
    assert write_picture(hand.ledger, tmp_path / "picture.png") is None
    assert not (tmp_path / "picture.png").exists()
