"""The bars of `fedtrain baseline`."""

import pytest

from fedtrain.api.reading.federation import Federation
from fedtrain.baseline.arms import ArmRun
from fedtrain.baseline.progress import Bars
from fedtrain.rounds.snapshot import TaskKey
from fedtrain.runner.events import RunEnded
from fedtrain.runner.worker_pool import Progress


def test_the_time_of_a_participant_begins_with_its_first_work(capsys: pytest.CaptureFixture[str]) -> None:
    federation = Federation.__new__(Federation)  # bars show labels and steps only
    arms = [ArmRun("Alone", who, 10, federation) for who in ("zoo", "museum")]
    bars = Bars()
    bars.begins(arms)
    bars.arm(arms[0], Progress(TaskKey(1, "Train", "zoo", 1), "loading", None, None, None))
    bars.close()
    working, waiting = (line for line in capsys.readouterr().out.splitlines() if "alone" in line)
    assert "0:00:0" in working
    assert "waiting" not in working
    assert "waiting" in waiting
    assert "-:--:--" in waiting


def test_brackets_in_a_reason_are_shown_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    arm = ArmRun("Alone", "zoo", 10, Federation.__new__(Federation))
    bars = Bars()
    bars.begins([arm])
    bars.arm(arm, RunEnded("Failed", 1, "bad row [/INST]"))
    bars.close()
    assert "bad row [/INST]" in capsys.readouterr().out
