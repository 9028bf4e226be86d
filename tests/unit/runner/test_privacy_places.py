"""Which data share one ledger of privacy: files, folders, links and buckets."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from fedtrain.privacy.accounting import Release
from fedtrain.runner.errors import RunError
from tests.unit.runner.privacy_ledgers import ledger, spent, start, started_together, written


def test_all_runs_on_the_same_data_are_counted_whatever_they_call_it(tmp_path: Path) -> None:
    """z = 1: epsilon 4.38, 6.57 and 8.39 after 1, 2 and 3 rounds."""
    first = written(tmp_path / "one", limit=7.0)
    assert ledger(first) == tmp_path / "data/.rows.jsonl.privacy"
    assert start(first) is None
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "data/rows.jsonl")
    second = written(tmp_path / "two", limit=7.0, name="second", uri="../link.jsonl", dataset="texts")
    assert start(second, "run-2") is None
    refused = start(second, "run-2", round=2)
    assert refused is not None
    assert (
        "a's policy (privacy.maxEpsilon) refuses the task: with this round, all trainings on data set texts" in refused
    )
    assert "epsilon 8.385; the maximum is 7" in refused
    assert f"`fedtrain participant privacy --file {second.path}` lists the trainings" in refused
    assert spent(first) == spent(second) == {Release(1.0): 2}, "a refused round is not entered"


def test_data_in_a_bucket_has_its_ledger_beside_the_federation_file(tmp_path: Path) -> None:
    federation = written(tmp_path / "one", uri="s3://bank/tickets/all.jsonl")
    assert ledger(federation) == tmp_path / "one/.s3-bank.privacy"


def test_data_in_a_bucket_counts_the_runs_on_what_contains_it(tmp_path: Path) -> None:
    for number, uri in enumerate(("s3://bank/tickets/all.jsonl", "s3://bank/tickets/", "s3://bank/ticket")):
        assert start(written(tmp_path / "one", uri=uri, name=f"run-{number}"), f"run-{number}") is None
    file, folder, other = (
        written(tmp_path / "one", uri=f"s3://bank/{key}") for key in ("tickets/all.jsonl", "tickets", "ticket")
    )
    assert (spent(file), spent(folder), spent(other)) == ({Release(1.0): 2}, {Release(1.0): 2}, {Release(1.0): 1})


def test_a_folder_and_a_file_in_it_have_one_loss(tmp_path: Path) -> None:
    """z = 1: epsilon 4.38, 6.57 and 8.39 after 1, 2 and 3 rounds."""
    file = written(tmp_path / "one", limit=7.0)
    folder = written(tmp_path / "two", limit=7.0, name="second", uri="../data", dataset="all")
    assert start(file) is None
    assert start(folder, "run-2") is None
    for federation, run in ((file, "run-1"), (folder, "run-2")):
        refused = start(federation, run, round=2)
        assert refused is not None
        assert "epsilon 8.385; the maximum is 7" in refused
    assert spent(file) == spent(folder) == {Release(1.0): 2}


def test_a_link_in_a_folder_leads_to_the_ledger_of_its_file(tmp_path: Path) -> None:
    file = written(tmp_path / "one")
    (tmp_path / "links").mkdir()
    (tmp_path / "links/rows.jsonl").symlink_to(tmp_path / "data/rows.jsonl")
    folder = written(tmp_path / "two", name="second", uri="../links", dataset="all")
    above = written(tmp_path / "three", name="third", uri="../data", dataset="all")
    assert start(folder, "run-2") is None
    assert spent(file) == spent(folder) == spent(above) == {Release(1.0): 1}, "both ledgers of the run are one entry"
    assert start(file) is None
    assert spent(file) == spent(folder) == spent(above) == {Release(1.0): 2}


@pytest.mark.parametrize("name", ["more", ".hidden"])
def test_a_folder_that_cannot_be_listed_may_have_a_ledger_and_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    federation = written(tmp_path / "one", uri="../data", dataset="all")
    (tmp_path / "data" / name).mkdir()
    listed = os.scandir

    def denied(path: Any = ".") -> Any:
        if Path(path).name == name:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", denied)
    with pytest.raises(RunError, match=f"data/{name}: the folder cannot be listed .Permission denied."):
        start(federation)
    monkeypatch.undo()
    assert start(federation) is None


def test_data_beside_other_data_is_other_data(tmp_path: Path) -> None:
    first = written(tmp_path / "one")
    (tmp_path / "data/rows.jsonl.json").write_text("[1]")
    assert start(first) is None
    assert spent(written(tmp_path / "two", uri="../data/rows.jsonl.json")) == {}
    (tmp_path / "data2").mkdir()
    (tmp_path / "data2/rows.jsonl").write_text('{"text": "x"}\n')
    assert spent(written(tmp_path / "three", uri="../data2")) == {}


def test_refuse_a_file_with_another_name_that_nothing_leads_to(tmp_path: Path) -> None:
    federation = written(tmp_path / "one")
    (tmp_path / "other.jsonl").hardlink_to(tmp_path / "data/rows.jsonl")
    with pytest.raises(RunError, match=r"data/rows\.jsonl has 2 names \(hard links\), and .* Replace it by a copy"):
        start(federation)
    with pytest.raises(RunError, match="hard links"):
        start(written(tmp_path / "two", uri="../data"))


def test_runs_on_a_folder_and_on_a_file_in_it_do_not_spend_the_same_budget(tmp_path: Path) -> None:
    places = ["../data" if number % 2 else "../data/rows.jsonl" for number in range(6)]
    runs = [written(tmp_path / f"{n}", limit=7.0, name=f"run-{n}", uri=uri) for n, uri in enumerate(places)]
    assert started_together(runs).count(None) == 2
    assert spent(runs[0]) == spent(runs[1]) == {Release(1.0): 2}
