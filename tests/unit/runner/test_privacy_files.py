"""The owner's ledger of privacy on one machine: files beside the data, over runs, crashes and deleted runs."""

import fcntl
import json
import os
import resource
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from fedtrain.cli.main import main
from fedtrain.cli.spent_privacy import spent_lines
from fedtrain.contracts import names
from fedtrain.contracts.records import Run
from fedtrain.ledger.open import open_ledger
from fedtrain.privacy.accounting import Poisson, Release, epsilon
from fedtrain.runner import privacy_files
from fedtrain.runner.bindings import storage_of
from fedtrain.runner.errors import RunError
from tests.support.outputs import check_output
from tests.unit.runner.privacy_ledgers import ROWS, SEVERAL, ledger, spent, start, started_together, written


def test_a_ledger_that_appears_before_the_others_are_locked_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run on the folder enters its round after this run has looked for ledgers, and before it locks its own."""
    file = written(tmp_path / "one", limit=7.0)
    folder = written(tmp_path / "two", limit=7.0, name="second", uri="../data", dataset="all")
    lock, other = privacy_files._locked, iter([folder])

    def late(path: Path, *, own: bool) -> Any:
        if (begun := next(other, None)) is not None:
            assert [start(begun, "run-2", round=number) for number in (1, 2)] == [None, None]
        return lock(path, own=own)

    monkeypatch.setattr(privacy_files, "_locked", late)
    refused = start(file)
    assert refused is not None
    assert "together spend epsilon 8.385" in refused


def test_ledgers_of_overlapping_data_are_locked_while_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path / "one")
    start(written(tmp_path / "two", name="second", uri="../data", dataset="all"), "run-2")
    modes: dict[str, int] = {}
    monkeypatch.setattr(privacy_files.fcntl, "flock", lambda opened, mode: modes.update({opened.name: mode}))
    start(file)
    assert {Path(name).name: mode for name, mode in modes.items()} == {
        ".data.privacy": fcntl.LOCK_SH,
        ".rows.jsonl.privacy": fcntl.LOCK_EX,
    }


@pytest.mark.parametrize("behind", ["data/.rows.jsonl.privacy", ".links.privacy"])
def test_a_round_whose_run_was_killed_between_two_ledgers_is_entered_into_both(behind: str, tmp_path: Path) -> None:
    file = written(tmp_path / "one", name="first")
    (tmp_path / "links").mkdir()
    (tmp_path / "links/rows.jsonl").symlink_to(tmp_path / "data/rows.jsonl")
    folder = written(tmp_path / "two", name="second", uri="../links", dataset="all")
    for number in (1, 2):
        start(folder, "run-2", round=number)
    short = tmp_path / behind
    short.write_text(short.read_text().splitlines(keepends=True)[0])
    assert spent(folder) == {Release(1.0): 2}
    assert start(folder, "run-2", round=2) is None
    assert spent(file) == spent(folder) == {Release(1.0): 2}, "the run enters the round where it is missing"


def test_a_task_that_is_started_again_after_a_kill_is_entered_once(tmp_path: Path) -> None:
    federation = written(tmp_path / "one")
    assert [start(federation), start(federation), start(federation, attempt=2)] == [None, None, None]
    assert spent(federation) == {Release(1.0): 1}, "the hub aggregates one attempt of a plan"
    assert len(ledger(federation).read_text().splitlines()) == 1


def test_each_start_with_unit_example_counts_with_all_its_steps(tmp_path: Path) -> None:
    """Also one of the same attempt, after a kill: each start draws other noise."""
    federation = written(tmp_path / "one", ROWS)
    assert [start(federation), start(federation), start(federation, attempt=2)] == [None, None, None]
    assert spent(federation, "Example") == {Release(1.1, Poisson(0.02)): 30}
    assert spent(federation) == {}


def test_a_line_is_whole_or_does_not_count_wherever_its_writer_is_killed(tmp_path: Path) -> None:
    federation = written(tmp_path / "one", limit=7.0)
    start(federation)
    before = ledger(federation).read_bytes()
    start(federation, round=2)
    after = ledger(federation).read_bytes()
    for size in (*range(len(before), len(after), 9), len(after) - 2):
        ledger(federation).write_bytes(after[:size])
        assert spent(federation) == {Release(1.0): 1}, size
        assert start(federation, round=2) is None, size
        assert ledger(federation).read_bytes() == after, size


def test_a_complete_last_line_counts_without_its_line_break(tmp_path: Path) -> None:
    """An editor, or a copy of the file, may have removed the break."""
    federation = written(tmp_path / "one", limit=7.0)
    start(federation)
    start(federation, round=2)
    whole = ledger(federation).read_bytes()
    ledger(federation).write_bytes(whole[:-1])
    assert spent(federation) == {Release(1.0): 2}
    refused = start(federation, round=3)
    assert refused is not None
    assert "epsilon 8.385; the maximum is 7" in refused
    assert ledger(federation).read_bytes() == whole


def test_no_task_starts_before_its_line_and_the_name_of_the_file_are_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if the run that wrote the line was killed before it was on disk."""

    class Killed(BaseException):
        pass

    federation = written(tmp_path / "one")
    synced: list[tuple[int, int]] = []

    def sync(descriptor: int) -> None:
        synced.append((os.fstat(descriptor).st_ino, ledger(federation).read_bytes().count(b"\n")))
        if len(synced) == 1:
            raise Killed

    monkeypatch.setattr(privacy_files.os, "fsync", sync)
    with pytest.raises(Killed):
        start(federation)
    for again in range(2):
        assert start(federation) is None
        file, folder = ledger(federation).stat().st_ino, ledger(federation).parent.stat().st_ino
        assert synced[1 + 2 * again :] == [(file, 1), (folder, 1)]
    assert spent(federation) == {Release(1.0): 1}


def test_runs_at_the_same_time_do_not_spend_the_same_budget(tmp_path: Path) -> None:
    federations = [written(tmp_path / f"{number}", limit=7.0, name=f"run-{number}") for number in range(6)]
    assert started_together(federations).count(None) == 2
    assert spent(federations[0]) == {Release(1.0): 2}


def test_a_ledger_that_cannot_be_read_or_written_stops_the_run(tmp_path: Path) -> None:
    federation = written(tmp_path / "one")
    start(federation)
    path = ledger(federation)
    path.write_text("{}\n" + path.read_text())
    with pytest.raises(RunError, match=r"\.rows\.jsonl\.privacy:1: this line .* cannot be read\. Restore the file"):
        start(federation, round=2)
    path.unlink()
    path.mkdir()
    with pytest.raises(RunError, match=r"the ledger of privacy cannot be used \(Is a directory\)"):
        start(federation)


def test_known_noise_and_trainings_without_privacy_are_not_counted(tmp_path: Path) -> None:
    federation = written(tmp_path / "one", SEVERAL | {"testingSeed": 1})
    assert start(federation) is None
    assert not ledger(federation).exists()


def invoke(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.mark.parametrize("command", ["validate", "plan", "run"])
def test_a_run_that_would_exceed_the_maximum_is_refused_before_it_starts(command: str, tmp_path: Path) -> None:
    federation = written(tmp_path / "one", limit=7.0, rounds=2)
    start(federation, "deleted")
    done = invoke(command, federation.path)
    assert done.exit_code == 1
    message = str(done.exception) + done.output
    assert "all trainings on data set d with unit: Participant together spend epsilon 8.385" in message
    assert "spec.privacy.maxEpsilon" in message


def test_rounds_of_the_run_itself_do_not_count_twice_when_it_is_resumed(tmp_path: Path) -> None:
    federation = written(tmp_path / "one", limit=7.0, rounds=2)
    start(federation, "own")
    ledger_of_run = open_ledger(storage_of(federation), "default", "first")
    assert privacy_files.spent_by_others(federation)["a"] != {}, "the run was deleted"
    ledger_of_run.claim(names.RUN, Run(run_id="own", namespace="default", name="first", spec={}))
    assert privacy_files.spent_by_others(federation) == {"a": {}, "b": {}}
    assert start(federation, "own", round=2) is None


def test_the_owner_sees_what_the_runs_on_this_machine_have_spent(tmp_path: Path) -> None:
    federation = written(tmp_path / "one", limit=7.0)
    start(federation, "r1")
    start(written(tmp_path / "two", ROWS, name="second", dataset="texts"), "r2")
    done = invoke("participant", "privacy", "--file", federation.path)
    assert done.exit_code == 0, done.output
    rows = epsilon({Release(1.1, Poisson(0.02)): 10}, 1e-5)
    assert done.output.splitlines()[:4] == [
        "a, data set d, unit Participant: epsilon 4.377 of 7 at delta 1e-05",
        "  default/first (run r1): epsilon 4.377, 1 round with noise multiplier 1",
        f"a, data set d, unit Example: epsilon {rows:.4g} of 7 at delta 1e-05",
        f"  default/second (run r2, data set texts): epsilon {rows:.4g}, 10 steps with noise multiplier 1.1 and "
        "0.02 of the rows",
    ]
    check_output(
        "participant-privacy",
        json.loads(invoke("participant", "privacy", "--file", federation.path, "-o", "json").output),
    )
    other = invoke("participant", "privacy", "--file", federation.path, "--namespace", "x")
    assert other.exit_code == 2
    assert "--file is for this machine. Remove --namespace" in other.output


def test_what_other_trainings_have_spent_is_named_without_a_limit(tmp_path: Path) -> None:
    earlier = written(tmp_path / "one", privacy=ROWS)
    assert list(spent_lines(earlier)) == []
    assert start(earlier) is None
    found = list(spent_lines(written(tmp_path / "two", privacy=ROWS, name="second")))
    assert len(found) == 1, "nothing was spent on the data of b"
    assert found[0].startswith("already spent on data set d of a: epsilon ")
    assert found[0].endswith(" at delta 1e-05, unit Example (default/first); this run adds to it")
    for data in ("rows", "b"):
        (tmp_path / f"data/{data}.jsonl").write_text("".join(f'{{"text": "row {n}"}}\n' for n in range(60)))
    result = CliRunner().invoke(main, ["validate", str(tmp_path / "two/federation.yaml"), "-o", "json"])
    assert found[0] in json.loads(result.stdout)["privacy"]
    result = CliRunner().invoke(main, ["plan", str(tmp_path / "two/federation.yaml"), "-o", "json"])
    assert found[0] in json.loads(result.stdout)["notes"]


def test_a_disk_that_takes_no_entry_is_named_with_the_ledger(tmp_path: Path) -> None:
    federation = written(tmp_path / "one")
    assert start(federation) is None
    size = ledger(federation).stat().st_size
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))  # no file may grow, as on a full disk
    try:
        with pytest.raises(RunError, match=r"\.privacy: the ledger of privacy cannot be used \(File too large\)"):
            start(federation, round=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
