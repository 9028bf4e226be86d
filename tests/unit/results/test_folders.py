"""Folders that are written as a whole."""

import multiprocessing
from pathlib import Path

import pytest

from fedtrain.ledger.store import StoreError
from fedtrain.results.folders import write_folder


def test_two_processes_replace_one_folder_again_and_again(tmp_path: Path) -> None:
    """Two `fedtrain run` of one run export its adapter at the same moment."""
    fork = multiprocessing.get_context("fork")
    both = [fork.Process(target=_write_often, args=(tmp_path / "adapter",)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(300)
    assert [process.exitcode for process in both] == [0, 0]
    assert [path.name for path in tmp_path.iterdir()] == ["adapter"]
    assert (tmp_path / "adapter" / "content").read_text() == "whole"


def test_what_appears_while_the_folder_is_filled_is_checked(tmp_path: Path) -> None:
    target = tmp_path / "adapter"

    def fill(folder: Path) -> None:
        (folder / "content").write_text("ours")
        target.mkdir()
        (target / "content").write_text("the user's")

    def refuse(folder: Path) -> None:
        raise StoreError(f"{folder} exists")

    with pytest.raises(StoreError, match="exists"):
        write_folder(target, fill, refuse)
    assert (target / "content").read_text() == "the user's"
    assert [path.name for path in tmp_path.iterdir()] == ["adapter"]


def _write_often(target: Path) -> None:
    for _ in range(300):
        write_folder(target, _fill, _check)


def _fill(folder: Path) -> None:
    (folder / "content").write_text("whole")


def _check(folder: Path) -> None:
    assert (folder / "content").read_text() == "whole"
