"""The socket of the workers has an address that the kernel accepts, whatever `TMPDIR` is."""

import os
import tempfile
from multiprocessing.connection import Listener
from pathlib import Path

import pytest

from fedtrain.runner.errors import RunError
from fedtrain.runner.socket_folder import socket_folder


@pytest.fixture
def long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files with a long path."""
    folder = tmp_path / ("long-" * 20)
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    return folder


def test_the_usual_folder_is_used_if_its_path_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/var/tmp")
    with socket_folder() as folder:
        assert Path(folder).parent == Path("/var/tmp")


def test_a_long_path_is_avoided(long: Path) -> None:
    with socket_folder() as folder, Listener(f"{folder}/workers", "AF_UNIX"):
        assert Path(folder).parent == Path("/tmp")
        assert list(long.iterdir()) == []


def test_without_another_folder_the_message_names_the_variable(long: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(RunError, match=r"TMPDIR is /.*, which is too long .* Set TMPDIR to a folder"):
        socket_folder()
