"""All measured values of a run as points: for CSV files and experiment trackers."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from fedtrain.results.run_summary import ParticipantRound, RunSummary
from fedtrain.rounds.decision import FINISHED

HEAD = ("round", "participant", "metric", "value")


@dataclass(frozen=True)
class Point:
    """`participant`: who measured; None for the hub. Metrics with the prefix `received.` are those of the adapter after
    the round, on the participant's validation split."""

    round: int
    participant: str | None
    metric: str
    value: float


def points(summary: RunSummary, after: int = -1) -> Iterator[Point]:
    """Yield the values of the recorded rounds above `after`, by round: the hub's, then the participants'."""
    for round in summary.recorded:
        if round.number <= after:
            continue
        hub = {
            **round.metrics,
            "updateNorm": round.update_norm,
            _epsilon_name(summary): round.epsilon,
            "seconds": round.wall_seconds,
        }
        for metric, value in hub.items():
            if value is not None:
                yield Point(round.number, None, metric, value)
        measured = {
            who: {f"received.{name}": value for name, value in found.items()} for who, found in round.measured.items()
        }
        rows = {one.participant: _values(one) for one in round.participants}
        for participant in summary.spec.participants:
            for metric, value in (rows.get(participant.name, {}) | measured.get(participant.name, {})).items():
                yield Point(round.number, participant.name, metric, value)


def _epsilon_name(summary: RunSummary) -> str:
    """Name of the metric, with what the number depends on: `epsilon.delta-1e-05.unit-Participant.update-zeroed...`."""
    loss = summary.privacy
    return "epsilon" if loss is None else f"epsilon.{loss.terms_in_short.replace(', ', '.').replace(' ', '-')}"


def settled(summary: RunSummary) -> int:
    """Return the last round whose values are complete: participants measure an adapter in the round after it."""
    last = len(summary.recorded) - 1
    return last if summary.phase in FINISHED else last - 1


def as_csv(summary: RunSummary) -> str:
    """Return a table with a line for each value; the hub's have no participant."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEAD)
    for point in points(summary):
        writer.writerow((point.round, point.participant or "", point.metric, repr(point.value)))
    return out.getvalue()


def is_csv(content: bytes) -> bool:
    """Whether the content is such a table."""
    return content.startswith(f"{','.join(HEAD)}\n".encode())


def _values(one: ParticipantRound) -> dict[str, float]:
    found = {
        "trainLoss": one.train_loss,
        "validationLoss": one.validation_loss,
        "trained": one.trained if one.steps is not None else None,
        "steps": one.steps,
        "weight": one.weight,
        "norm": one.norm,
    }
    return {name: float(value) for name, value in found.items() if value is not None}
