"""Values of a run as CSV and in experiment trackers, through each tracker's own library without a network."""

import csv
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner

from fedtrain.cli.main import main
from fedtrain.results.series import points
from fedtrain.results.summary import summarise
from fedtrain.results.tracking.tracker import TRACKERS, Entry, track
from tests.support.ledger_by_hand import HUB, Hand


class Kept:
    """A tracker that keeps what it is given."""

    def __init__(self) -> None:
        self.rounds: dict[int, Mapping[str, float]] = {}

    def tracked(self) -> int:
        return max(self.rounds, default=-1)

    def write(self, round: int, values: Mapping[str, float]) -> None:
        assert round not in self.rounds
        self.rounds[round] = values

    def close(self) -> str:
        return ""


def test_the_csv_has_a_line_for_each_value(finished: Hand, runs: Path) -> None:
    run = runs / "default/quickstart"
    result = CliRunner().invoke(main, ["report", str(run), "--csv"])
    assert result.stdout.strip() == str(run / "report.csv")
    with (run / "report.csv").open(newline="") as file:
        rows = {(row["round"], row["participant"], row["metric"]): float(row["value"]) for row in csv.DictReader(file)}
    assert rows["3", "", "accuracy"] == HUB[3]
    assert rows["2", "zoo", "trainLoss"] == 1.53
    assert rows["2", "zoo", "trained"] == summarise(finished.ledger).round(2).participants[2].trained
    assert not {metric for _, _, metric in rows if metric == "samples"}
    assert rows["3", "zoo", "received.accuracy"] == pytest.approx(0.701)
    assert ("3", "observatory", "weight") not in rows, "a quarantined update has no weight"


def test_a_round_is_tracked_once_all_its_values_exist(hand: Hand) -> None:
    hand.begin()
    hand.whole_round(1)
    tracker = Kept()
    last = track(tracker, summarise(hand.ledger), -1)
    assert (last, sorted(tracker.rounds)) == (0, [0]), "round 1 is measured by participants in round 2"
    hand.whole_round(2)
    hand.whole_round(3)
    hand.end()
    last = track(tracker, summarise(hand.ledger), last)
    assert (last, sorted(tracker.rounds)) == (3, [0, 1, 2, 3])
    assert tracker.rounds[3]["hub/accuracy"] == HUB[3]
    assert tracker.rounds[2]["participants/zoo/trainLoss"] == 1.53
    assert track(tracker, summarise(hand.ledger), last) == 3, "nothing is written twice"


def test_a_missing_library_is_named_with_its_extra(finished: Hand, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "wandb", None)
    result = CliRunner().invoke(main, ["track", str(runs / "default/quickstart"), "--to", "WandB"])
    assert "WandB is not installed" in result.stderr
    assert "pip install 'fedtrain[wandb]'" in result.stderr


@pytest.mark.parametrize("when", ["open_tracker", "write"])
def test_an_error_of_the_trackers_library_is_one_line(
    finished: Hand, runs: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    class Refusing(Kept):
        def write(self, round: int, values: Mapping[str, float]) -> None:
            raise LibraryError("the server does not answer:\n  connection refused")

    def open_tracker(summary: object, place: str | None) -> Kept:
        if when == "open_tracker":
            Refusing().write(0, {})
        return Refusing()

    module = ModuleType("library")
    module.open_tracker = open_tracker  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setitem(sys.modules, "library", module)
    monkeypatch.setitem(TRACKERS, "MLflow", Entry("library", "mlflow"))
    result = CliRunner().invoke(main, ["track", str(runs / "default/quickstart"), "--to", "MLflow"])
    assert result.stderr == "error: MLflow: the server does not answer: connection refused\n"
    assert result.exit_code == 1


class LibraryError(Exception):
    """An error of a library's own class."""


def test_tensorboard_reads_every_value_once(finished: Hand, runs: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import (  # pyright: ignore[reportMissingImports]
        EventAccumulator,
    )

    command = ["track", str(runs / "default/quickstart"), "--to", "TensorBoard", "--place", str(tmp_path / "tb")]
    for _ in range(2):
        assert CliRunner().invoke(main, command).output == f"rounds 0 to 3: tensorboard --logdir {tmp_path / 'tb'}\n"
    (folder,) = (tmp_path / "tb").iterdir()
    events = EventAccumulator(str(folder))
    events.Reload()
    found = [(event.step, event.tensor_proto.float_val[0]) for event in events.Tensors("hub/accuracy")]
    assert found == [(number, pytest.approx(value)) for number, value in enumerate(HUB)]
    assert len(events.Tags()["tensors"]) == len({tag(point) for point in points(summarise(finished.ledger))})


def test_mlflow_continues_its_run(finished: Hand, runs: Path, tmp_path: Path) -> None:
    tracking = pytest.importorskip("mlflow.tracking")
    place = f"sqlite:///{tmp_path}/mlflow.db"
    for _ in range(2):
        result = CliRunner().invoke(
            main, ["track", str(runs / "default/quickstart"), "--to", "MLflow", "--place", place]
        )
        assert result.output.endswith(f"rounds 0 to 3: mlflow ui --backend-store-uri {place}\n")
    client = tracking.MlflowClient(tracking_uri=place)
    experiment = client.get_experiment_by_name("fedtrain")
    (run,) = client.search_runs([experiment.experiment_id])
    history = client.get_metric_history(run.info.run_id, "hub/accuracy")
    assert [(metric.step, metric.value) for metric in history] == list(enumerate(HUB))
    assert run.data.params["strategy"] == "FedAvg"


def test_wandb_writes_a_folder_to_sync_when_it_is_offline(
    finished: Hand, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    command = ["track", str(runs / "default/quickstart"), "--to", "WandB", "--place", str(tmp_path)]
    result = CliRunner().invoke(main, command)
    assert "rounds 0 to 3: wandb sync " in result.output
    folder = Path(result.output.split("wandb sync ")[1].strip())
    (log,) = folder.glob("*.wandb")
    assert b"hub/accuracy" in log.read_bytes()


def tag(point: object) -> str:
    from fedtrain.results.tracking.tracker import Point, name

    assert isinstance(point, Point)
    return name(point)
