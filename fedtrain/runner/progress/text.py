"""Numbers and rounds in words, for every renderer."""

from collections.abc import Iterable

from fedtrain.contracts.headline_metric import loss_text
from fedtrain.rounds.snapshot import TaskKey
from fedtrain.runner.events import Recorded

_OUTCOMES = {"RolledBack": "rolled back"}
HUB_WORK = {"Initialise": "initial adapter", "Aggregate": "aggregation", "Evaluate": "evaluation"}
"""The hub's tasks in the user's words."""
PHASES = {
    "Preflight": "reading rows",
    "Initialising": "creating the initial adapter",
    "Planning": "planning",
    "Training": "training",
    "Closing": "closing the round",
    "Aggregating": "aggregating",
    "Evaluating": "evaluating",
    "Measuring": "measuring the final adapter",
    "Recording": "recording",
}
"""Phases of a run in the user's words."""
_STEPS_OF_TRAINER = {
    "data": "reading rows",
    "fetching": "fetching the adapter",
    "loading": "loading the base",
    "uploading": "sending the update",
}
"""Phases of a trainer task in the user's words; others are shown by their name."""
_LEGEND = {
    "trained": "samples processed, with repeats",
    "loss": "mean training loss of the round so far",
    "received": "the global adapter, on the participant's own validation rows",
    "time": "of the whole task",
    "sent": "size of the update",
}
"""What the numbers of a participant are."""


def clock_text(seconds: float) -> str:
    """`0:41`, `12:05`, `1:02:05`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def about(seconds: float) -> str:
    """A duration as rough as its estimate: `under 10 s`, `about 40 s`, `about 5 min`, `about 3 h 10 min`."""
    if seconds < 10:
        return "under 10 s"
    if seconds < 90:
        return f"about {round(seconds, -1):.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"about {minutes} min"
    hours, rest = divmod(round(minutes, -1), 60)
    return f"about {hours} h {rest:02d} min" if rest else f"about {hours} h"


def bytes_text(size: int | None) -> str:
    if size is None:
        return ""
    amount = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            return f"{amount:.0f} {unit}" if unit in ("B", "kB") else f"{amount:.1f} {unit}"
        amount /= 1000
    raise AssertionError


def metric_text(name: str, value: float) -> str:
    """Shares as percentages, everything else as a loss: as in `fedtrain status`."""
    is_share = name in ("accuracy", "exact") or name.endswith("accuracy")
    return f"{name} {value:.1%}" if is_share else f"{name} {loss_text(value)}"


def round_text(key: TaskKey, rounds: int) -> str:
    """Return the round of a task; the one that measures the final adapter has the number of a round that is not
    trained."""
    return "final adapter" if key.kind == "Measure" else f"round {key.round}/{rounds}"


def task_text(key: TaskKey) -> str:
    """Return who works: a participant, or what the hub does."""
    return HUB_WORK.get(key.kind, key.who) if key.who.startswith("_") else key.who


def legend(columns: Iterable[str], labels: int | None = None) -> str:
    """Return what these columns of a participant mean. `labels`: number of labels that the hub compares, if the
    participants compare theirs."""
    meanings = dict(_LEGEND)
    if labels is not None:
        meanings["received"] += f", choosing among the labels of these rows only (the hub: among {labels})"
    return " ".join(f"{column}: {meanings[column]}." for column in columns)


def step_text(key: TaskKey, phase: str) -> str:
    """Return the phase of a trainer task in the user's words, without the metric. Only training sends an update."""
    if phase == "uploading" and key.kind != "Train":
        return "writing the adapter" if key.kind == "Initialise" else "sending the results"
    return _STEPS_OF_TRAINER.get(phase, phase.partition(" ")[0])


def other_text(other: str) -> str:
    return (
        f"warning: another `fedtrain run` works on this run, too: {other}. The result is the same, but both train "
        "everything. Stop one of them with Ctrl-C."
    )


def recorded_text(event: Recorded, rounds: int) -> str:
    """`round 3/8  committed  accuracy 61.2%  12.3 s`, `round 4/8  rolled back: why  12.1 s`."""
    manifest = event.manifest
    outcome = _OUTCOMES.get(manifest.outcome, manifest.outcome.lower())
    parts = [f"round {manifest.round}/{rounds}", f"{outcome}: {event.reason}" if event.reason else outcome]
    if event.evaluation and not event.reason:
        parts += [metric_text(name, value) for name, value in event.evaluation.metrics.items()]
    if manifest.absent:
        parts.append("without " + ", ".join(f"{who.participant} ({who.reason})" for who in manifest.absent))
    return "  ".join([*parts, f"{event.seconds:.1f} s"])
