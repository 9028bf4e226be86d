"""`fedtrain logs --follow` while a run trains."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from fedtrain.cli import logs
from fedtrain.cli.main import main
from fedtrain.results.locate import Located, NotBegun, locate
from fedtrain.results.logs import title, with_short_digests
from tests.support.ledger_by_hand import Hand


@pytest.fixture
def worker(runs: Path) -> Path:
    file = runs / "default/quickstart/telemetry/workers/worker-8.log"  # the run by hand writes worker-0.log
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def follow(monkeypatch: pytest.MonkeyPatch, runs: Path, steps: Iterator[None], *arguments: str) -> tuple[int, str]:
    """Follow the run. At each pause the run does its next step."""
    monkeypatch.setattr(logs.time, "sleep", lambda seconds: next(steps))
    result = CliRunner().invoke(main, ["logs", str(runs / "default/quickstart"), "--follow", *arguments])
    return result.exit_code, result.output


def line(text: str, who: str = "zoo Train", round: int = 1) -> str:
    return f"2026-01-01 10:00:00,000 fedtrain.trainer default/quickstart round {round} {who} attempt 1: {text}\n"


def write(worker: Path, text: str) -> None:
    with worker.open("a") as log:
        log.write(text)


def test_lines_of_a_running_task_appear_as_they_are_written_and_its_end_once(
    hand: Hand, runs: Path, worker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand.begin()
    write(worker, line("begins"))

    def training() -> Iterator[None]:
        write(worker, "2026-01-01 10:00:01,000 fedtrain.trainer training: step 1 of 4\nhalf a li")
        yield
        write(worker, "ne\n" + line("done in 3.0 s"))
        hand.whole_round(1)
        yield
        hand.whole_round(2)
        hand.whole_round(3)
        hand.end()
        yield

    code, output = follow(monkeypatch, runs, training(), "zoo")
    assert code == 0
    lines = output.splitlines()
    begins = lines.index("==> round 1  zoo  attempt 1")
    assert lines[begins + 1 : begins + 3] == ["    10:00:00  begins", "    10:00:01  training: step 1 of 4"]
    ended = [number for number, text in enumerate(lines) if "round 1  zoo  attempt 1  done" in text]
    assert len(ended) == 1
    assert ended[0] > begins
    assert output.count("10:00:00  begins") == output.count("step 1 of 4") == output.count("half a line") == 1
    assert lines[-1].startswith("==> ") or "round 3" in output
    assert "museum" not in output


def test_lines_of_two_workers_have_headings(
    hand: Hand, runs: Path, worker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand.begin()
    other = worker.with_name("worker-9.log")

    def training() -> Iterator[None]:
        write(worker, line("begins"))
        write(other, line("begins", "museum Train"))
        yield
        write(worker, "zoo's line\n")
        yield
        write(worker, "another line\n")
        yield
        raise KeyboardInterrupt

    code, output = follow(monkeypatch, runs, training())
    assert code == 130
    own = output[output.index("==> round 1") :].splitlines()
    assert [text for text in own if text.startswith("==>")] == [
        "==> round 1  zoo  attempt 1",
        "==> round 1  museum  attempt 1",
        "==> round 1  zoo  attempt 1",
    ]
    assert own[-2:] == ["    zoo's line", "    another line"]


def test_ctrl_c_ends_it_without_a_word(hand: Hand, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hand.begin()

    def interrupted() -> Iterator[None]:
        raise KeyboardInterrupt
        yield

    assert follow(monkeypatch, runs, interrupted()) == (130, "")


def test_follow_waits_for_the_start_of_the_run(hand: Hand, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hand.begin()
    file = runs.parent / "federation.yaml"
    file.write_text("")
    federation, seen = locate(str(runs / "default/quickstart")), 0

    def of_file(path: Path, lost: bool) -> Located:
        nonlocal seen
        seen += 1
        if seen < 3:
            raise NotBegun("has not been run")
        return federation

    def started() -> Iterator[None]:
        yield
        yield
        hand.whole_round(1)
        hand.whole_round(2)
        hand.whole_round(3)
        hand.end()
        yield

    monkeypatch.setattr("fedtrain.results.locate._of_file", of_file)
    steps = started()
    monkeypatch.setattr(logs.time, "sleep", lambda seconds: next(steps))
    result = CliRunner().invoke(main, ["logs", str(file), "--follow"])
    assert result.exit_code == 0
    assert result.stderr.count(f"waiting for fedtrain run {file}") == 1
    assert "round 3" in result.stdout


def test_a_line_has_no_blanks_at_its_end() -> None:
    from fedtrain.results.worker_logs import shortened

    line = "2026-11-28 10:00:00,1 fedtrain.trainer default/a round 1 zoo Train attempt 1: done in 3.1 s "
    assert shortened(line) == "10:00:00  done in 3.1 s"


def test_a_task_has_one_name_while_it_runs_and_when_it_has_ended() -> None:
    names = ("_evaluate", "_evaluate-0", "_evaluate-1", "_evaluate-2", "_measure-site-1", "site-1")
    assert [title(who) for who in names] == ["evaluate"] * 3 + ["evaluate-2", "measure-site-1", "site-1"]


def test_digests_in_lines_are_short() -> None:
    assert with_short_digests(f"initialFrom blake3:{'a' * 64}.") == f"initialFrom blake3:{'a' * 12}."
