"""Every file of a data set is read or refused by name; hidden paths are skipped."""

import gzip
import json
import os
from pathlib import Path

import pytest

from fedtrain.data.errors import DataError
from fedtrain.data.reader import read_rows
from fedtrain.data.row import Row
from tests.support.permissions import as_ordinary_user

LINE = json.dumps({"text": "a"}) + "\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rows").mkdir()
    (tmp_path / "rows/a.jsonl").write_text(LINE)
    return tmp_path / "rows"


def read(place: Path) -> list[Row]:
    return read_rows(str(place), "Text")


def test_suffixes_are_read_in_any_case(folder: Path) -> None:
    (folder / "b.JSONL").write_text(LINE)
    (folder / "c.NdJson").write_text(LINE)
    assert sorted(row.where for row in read(folder)) == ["a.jsonl:1", "b.JSONL:1", "c.NdJson:1"]


@pytest.mark.parametrize("name", ["b.jsonl.zst", "b.gz", "b.xyz", "deep/er/b.arrow"])
def test_a_file_of_another_type_is_refused_by_name(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("x")
    with pytest.raises(DataError, match=f"^{name}: unknown file type; convert it"):
        read(folder)


@pytest.mark.parametrize(
    ("name", "said"),
    [("b.xlsx", "a spreadsheet .*; save it as CSV"), ("b.pdf", "a document without rows; write its text as rows")],
)
def test_a_file_of_another_program_is_refused_with_how_to_make_rows_of_it(folder: Path, name: str, said: str) -> None:
    (folder / name).write_text("x")
    with pytest.raises(DataError, match=f"^{name}: {said}"):
        read(folder)


def test_a_dangling_link_is_refused_by_name(folder: Path) -> None:
    (folder / "b.jsonl").symlink_to(folder / "missing.jsonl")
    with pytest.raises(DataError, match=r"^b.jsonl: cannot be read \(No such file or directory\); remove the link"):
        read(folder)


def test_a_link_to_a_folder_is_refused_by_name(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    (folder / "more").symlink_to(tmp_path_factory.mktemp("elsewhere"), target_is_directory=True)
    with pytest.raises(DataError, match=r"^more: a link to a folder is not followed; replace it with the folder"):
        read(folder)


@pytest.mark.parametrize("mode", [0o000, 0o444])
@pytest.mark.parametrize("name", ["more", "deep/er"])
@pytest.mark.parametrize("inner", ["b.jsonl", "in/b.jsonl"])
def test_a_folder_that_cannot_be_read_is_refused_by_name(folder: Path, inner: str, name: str, mode: int) -> None:
    (folder / name / inner).parent.mkdir(parents=True)
    (folder / name / inner).write_text(LINE)
    (folder / name).chmod(mode)
    with (
        as_ordinary_user(),
        pytest.raises(DataError, match=rf"^{name}(/in|/b.jsonl)?: cannot be read \(Permission denied\)"),
    ):
        read(folder)
    (folder / name).chmod(0o755)


@pytest.mark.parametrize("mode", [0o000, 0o444])
@pytest.mark.parametrize("closed", [".", ".."])
def test_a_data_set_that_cannot_be_read_is_refused_by_name(folder: Path, closed: str, mode: int) -> None:
    (folder / closed).chmod(mode)
    with as_ordinary_user(), pytest.raises(DataError, match=r"rows(/a.jsonl)?: cannot be read \(Permission denied\)"):
        read(folder)
    (folder / closed).chmod(0o755)


def test_a_hidden_folder_need_not_be_readable(folder: Path) -> None:
    (folder / ".cache").mkdir(0o000)
    with as_ordinary_user():
        assert len(read(folder)) == 1


def test_a_pipe_is_refused_by_name(folder: Path) -> None:
    os.mkfifo(folder / "b.jsonl")
    with pytest.raises(DataError, match=r"^b.jsonl: not a regular file"):
        read(folder)
    with pytest.raises(DataError, match=r"^b.jsonl: not a regular file"):
        read(folder / "b.jsonl")


@pytest.mark.parametrize("name", [".ipynb_checkpoints/a-checkpoint.jsonl", "._a.jsonl", ".cache/x.bin"])
def test_hidden_paths_are_skipped(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(LINE)
    assert len(read(folder)) == 1


@pytest.mark.parametrize("name", ["README.md", "LICENSE", "NOTICE.txt", "_SUCCESS", "about.rst"])
def test_documentation_may_accompany_data(folder: Path, name: str) -> None:
    (folder / name).write_text("about")
    assert len(read(folder)) == 1


@pytest.mark.parametrize(
    "name", ["notice.jsonl", "License.JSONL", "readme.ndjson", "more/_success.jsonl", "notice.jsonl.gz"]
)
def test_rows_are_read_whatever_their_file_is_called(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(gzip.compress(LINE.encode()) if name.endswith(".gz") else LINE.encode())
    assert sorted(row.where for row in read(folder)) == sorted(["a.jsonl:1", f"{name}:1"])


@pytest.mark.parametrize("before", ["\ufeff\n", "\ufeff\n\ufeff", f"{LINE}\ufeff"])
def test_byte_order_marks_of_files_that_were_joined_are_skipped(folder: Path, before: str) -> None:
    (folder / "a.jsonl").write_text(before + LINE, encoding="utf-8")
    assert read(folder)[-1].where == "a.jsonl:2"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("[" * 100_000, "a.jsonl:2: lists or objects are nested too deep"),
        ("7" * 5000, "a.jsonl:2: a number has too many digits"),
    ],
)
def test_values_that_python_cannot_parse_are_named_by_line(folder: Path, value: str, message: str) -> None:
    (folder / "a.jsonl").write_text(LINE + f'{{"text": "a", "extra": {value}}}\n')
    with pytest.raises(DataError, match=f"^{message}"):
        read(folder)
