"""`make cluster`."""

from pathlib import Path

import pytest

from hack.cluster import __main__ as command
from hack.cluster import lasting
from hack.cluster.engine import Engine
from hack.cluster.processes import ProgramFailed


def test_several_clusters_in_an_engine_are_refused_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "start", lambda *_: pytest.fail("started"))
    with pytest.raises(ProgramFailed, match="need ENGINE=none"):
        command.up(Engine("docker"), 3)


def test_all_clusters_that_can_be_started_are_removed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    removed: list[str] = []

    class Played:
        def __init__(self, name: str, persistent: bool) -> None:
            self.name = name

        def remove(self) -> None:
            removed.append(self.name)

    monkeypatch.setattr(lasting, "Cluster", Played)
    monkeypatch.setattr(lasting, "SETTINGS", tmp_path / "cluster.sh")
    monkeypatch.setattr(lasting.Kind, "of", lambda _: None)
    lasting.stop()
    assert removed == [*(f"fedtrain-site-{number}" for number in range(1, lasting.MOST_SITES + 1)), "fedtrain"]
