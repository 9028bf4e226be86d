"""Values of a run as CSV and in experiment trackers, through each tracker's own library without a network."""

import csv
import os
import sqlite3
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, event
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from fedtrain.cli.main import main
from fedtrain.results.series import points
from fedtrain.results.summary import summarise
from fedtrain.results.tracking.tracker import TRACKERS, Entry, name, track
from tests.support.ledger_by_hand import HUB, Hand
from tests.support.wandb_server import wandb_server


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
    command = ["track", str(runs / "default/quickstart"), "--to", "TensorBoard", "--place", str(tmp_path / "tb")]
    for _ in range(2):
        assert CliRunner().invoke(main, command).output == f"rounds 0 to 3: tensorboard --logdir {tmp_path / 'tb'}\n"
    (folder,) = (tmp_path / "tb").iterdir()
    events = EventAccumulator(str(folder))
    events.Reload()
    read = {
        tag: [(event.step, pytest.approx(event.tensor_proto.float_val[0])) for event in events.Tensors(tag)]
        for tag in events.Tags()["tensors"]
    }
    assert read == tracked_values(finished)


@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")  # MLflow's use of SQLAlchemy
def test_mlflow_continues_its_run(finished: Hand, runs: Path, tmp_path: Path) -> None:
    place = f"sqlite:///{tmp_path}/mlflow.db"
    for _ in range(2):
        with without_fsync():
            result = CliRunner().invoke(
                main, ["track", str(runs / "default/quickstart"), "--to", "MLflow", "--place", place]
            )
        assert result.output.endswith(f"rounds 0 to 3: mlflow ui --backend-store-uri {place}\n")
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=place)
    experiment = client.get_experiment_by_name("fedtrain")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    read = {
        name: [(metric.step, metric.value) for metric in client.get_metric_history(run.info.run_id, name)]
        for name in run.data.metrics
    }
    assert read == tracked_values(finished)
    assert run.data.params["strategy"] == "FedAvg"


def test_wandb_syncs_every_value_of_a_folder_that_was_written_offline(
    finished: Hand, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    command = ["track", str(runs / "default/quickstart"), "--to", "WandB", "--place", str(tmp_path)]
    result = CliRunner().invoke(main, command)
    assert "rounds 0 to 3: wandb sync " in result.output
    folder = Path(result.output.split("wandb sync ")[1].strip())
    monkeypatch.setenv("WANDB_MODE", "online")
    with wandb_server() as server:
        environment = {**os.environ, "WANDB_BASE_URL": server.address, "WANDB_API_KEY": "k" * 40}
        wandb = Path(sys.executable).with_name("wandb")
        done = subprocess.run(
            [wandb, "sync", folder], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
        )
    assert done.returncode == 0, done.stderr
    read = {
        name: [(step, row[name]) for step, row in sorted(server.history.items()) if name in row]
        for row in server.history.values()
        for name in row
    }
    assert read == tracked_values(finished)
    recorded = b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file() and "logs" not in file.parts)
    assert b"hub/accuracy" in recorded
    for private in (str(tmp_path), sys.prefix, sys.argv[0], "pytest=="):
        assert private.encode() not in recorded, "the folder has values of the run, and nothing of this machine"


def tracked_values(hand: Hand) -> dict[str, list[tuple[int, float]]]:
    """Return (round, value) of all metrics of the run, by their names in trackers."""
    values: dict[str, list[tuple[int, float]]] = {}
    for point in points(summarise(hand.ledger)):
        values.setdefault(name(point), []).append((point.round, point.value))
    return values


@contextmanager
def without_fsync() -> Generator[None]:
    """Let SQLite not wait for the disk: creating MLflow's tables waits hundreds of times."""

    def relax(connection: sqlite3.Connection, record: object) -> None:
        connection.execute("PRAGMA synchronous = OFF")

    event.listen(Engine, "connect", relax)
    try:
        yield
    finally:
        event.remove(Engine, "connect", relax)
