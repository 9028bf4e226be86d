"""Copies the values of a run to an experiment tracker, round by round."""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from importlib import import_module
from itertools import groupby
from typing import Any, NamedTuple, Protocol

from fedtrain.ledger.store import StoreError
from fedtrain.results.run_summary import RunSummary
from fedtrain.results.series import Point, points, settled


class Tracker(Protocol):
    """One run of an experiment tracker."""

    def tracked(self) -> int:
        """Return the last round that the tracker has; -1 if it has none."""
        ...

    def write(self, round: int, values: Mapping[str, float]) -> None:
        """Add the values of a round, by name."""
        ...

    def close(self) -> str:
        """Write everything and return where the user finds it."""
        ...


class Entry(NamedTuple):
    """`module`: has `open_tracker(summary)`. `extra`: of the fedtrain package, with the tracker's library."""

    module: str
    extra: str


TRACKERS = {
    "TensorBoard": Entry("fedtrain.results.tracking.tensorboard_files", "tensorboard"),
    "WandB": Entry("fedtrain.results.tracking.wandb_run", "wandb"),
    "MLflow": Entry("fedtrain.results.tracking.mlflow_run", "mlflow"),
}


def open_tracker(name: str, summary: RunSummary, place: str | None) -> Tracker:
    """Open the tracker's run for this run: the same one each time. `place`: folder, server or database [default: the
    library's]. Raises StoreError if its library is not installed."""
    entry = TRACKERS[name]
    try:
        opened: Callable[[RunSummary, str | None], Any] = import_module(entry.module).open_tracker
    except ImportError as error:
        raise StoreError(
            f"{name} is not installed ({error}). Install it with `pip install 'fedtrain[{entry.extra}]'`."
        ) from error
    return opened(summary, place)


@contextmanager
def explained(name: str) -> Generator[None]:
    """Raise StoreError for every error of the tracker's library, such as a server that does not answer or a missing
    login: each library has its own classes of errors, which share no base."""
    try:
        yield
    except (StoreError, OSError):
        raise
    except Exception as error:
        problem = " ".join(str(error).split()) or type(error).__name__
        raise StoreError(f"{name}: {problem}") from error


def track(tracker: Tracker, summary: RunSummary, after: int) -> int:
    """Write the complete rounds above `after` and return the last one that the tracker has now."""
    last = settled(summary)
    for round, found in groupby(points(summary, after), key=lambda point: point.round):
        if round <= last:
            tracker.write(round, {name(point): point.value for point in found})
    return max(after, last)


def name(point: Point) -> str:
    """`hub/accuracy`, or `participants/zoo/trainLoss`."""
    return f"participants/{point.participant}/{point.metric}" if point.participant else f"hub/{point.metric}"


def settings(summary: RunSummary) -> dict[str, str | float]:
    """Return the hyperparameters that trackers show beside a run."""
    spec = summary.spec
    return {
        "run": summary.run_id,
        "base": spec.model.base.rpartition("/")[2] if spec.model.revision is None else spec.model.base,
        "rank": spec.model.adapter.rank,
        "participants": len(spec.participants),
        "rounds": spec.rounds.count,
        "strategy": spec.aggregation.strategy,
        "learningRate": spec.training.learning_rate,
        "batchSize": spec.training.batch_size,
        "seed": spec.training.seed,
        **({"privacy": summary.privacy.terms} if summary.privacy else {}),
    }
