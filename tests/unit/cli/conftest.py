from pathlib import Path

import pytest
from cluster_files import OTHERS, TRAINING
from fake_kubectl import Shell


@pytest.fixture
def training(tmp_path: Path) -> Path:
    (tmp_path / "training.yaml").write_text(TRAINING)
    return tmp_path / "training.yaml"


@pytest.fixture
def others(tmp_path: Path) -> Path:
    (tmp_path / "others.yaml").write_text(OTHERS)
    return tmp_path / "others.yaml"


@pytest.fixture
def in_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run in the folder of the files, so that files of rows have short names in messages."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    return Shell(tmp_path)
