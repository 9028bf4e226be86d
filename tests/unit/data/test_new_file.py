"""A new file appears under its name once it is whole."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fedtrain.data.new_file import new_text_file
from fedtrain.data.reader import read_rows

KILLED = """
import os, signal, sys
from pathlib import Path
from fedtrain.data.new_file import new_text_file

with new_text_file(Path(sys.argv[1])) as file:
    print('{"text": "b"}', file=file, flush=True)
    os.kill(os.getpid(), signal.SIGTERM)
"""


def test_a_killed_process_leaves_no_rows(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n')
    ended = subprocess.run([sys.executable, "-c", KILLED, tmp_path / "b.jsonl"], check=False)
    assert ended.returncode == -signal.SIGTERM
    assert not (tmp_path / "b.jsonl").exists()
    assert [row.where for row in read_rows(str(tmp_path), "Text")] == ["a.jsonl:1"]


def test_nothing_is_left_after_an_exception(tmp_path: Path) -> None:
    def interrupted() -> None:
        with new_text_file(tmp_path / "a.jsonl") as file:
            print("{}", file=file, flush=True)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not list(tmp_path.iterdir())


def test_a_file_that_was_made_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with pytest.raises(FileExistsError) as caught, new_text_file(path):
        path.write_text("theirs")
    assert caught.value.filename == str(path)
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("a.jsonl", "theirs")]


def test_a_dangling_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").symlink_to(tmp_path / "b.jsonl")
    with pytest.raises(FileExistsError), new_text_file(tmp_path / "a.jsonl"):
        pass
    assert [each.name for each in tmp_path.iterdir()] == ["a.jsonl"]


def test_an_error_names_the_file_and_not_the_hidden_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught, new_text_file(tmp_path / "missing/a.jsonl"):
        pass
    assert caught.value.filename == str(tmp_path / "missing/a.jsonl")
