"""The kind of record that an object's name stands for, and the name that a record belongs under."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fedtrain.contracts import names, noise_records, records, run_end
from fedtrain.contracts.record import Record
from fedtrain.contracts.untrusted_records import Measurement, Preflight, Update

OTHER_OBJECT = "holds the record of another object"
"""A record under a name that is not its own."""


@dataclass(frozen=True)
class RecordKind:
    """`own_name`: the name that a record belongs under, from its content."""

    pattern: re.Pattern[str]
    kind: type[Record]
    own_name: Callable[[Any], str]


def _kind(pattern: str, kind: type[Record], own_name: Callable[[Any], str]) -> RecordKind:
    return RecordKind(re.compile(pattern), kind, own_name)


_ROUND = r"rounds/[0-9]{4,}"
_NAME = r"[_a-z0-9][-a-z0-9]*"
_WHO = rf"(?P<who>{_NAME})"
"""The participant that writes the record."""
_KINDS = (
    _kind(r"run\.json", records.Run, lambda _: names.RUN),
    _kind(r"end\.json", run_end.End, lambda _: names.END),
    _kind(rf"preflight/{_WHO}\.json", Preflight, lambda r: names.preflight(r.participant)),
    _kind(r"failures/[0-9]+\.json", run_end.Failure, lambda r: names.failure(r.number)),
    _kind(r"rounds/0000/initial\.json", records.Initial, lambda _: names.initial()),
    _kind(rf"{_ROUND}/plan\.json", records.Plan, lambda r: names.plan(r.round)),
    _kind(rf"{_ROUND}/manifest\.json", records.Manifest, lambda r: names.manifest(r.round)),
    _kind(rf"{_ROUND}/close-[0-9]+\.json", records.Close, lambda r: names.close(r.round, r.k)),
    _kind(rf"{_ROUND}/aggregate-[0-9]+\.json", records.Aggregate, lambda r: names.aggregate(r.round, r.k)),
    _kind(rf"{_ROUND}/spend-[0-9]+\.json", noise_records.Spend, lambda r: names.spend(r.round, r.k)),
    _kind(rf"{_ROUND}/evaluation-[0-9]+\.json", records.Evaluation, lambda r: names.evaluation(r.round, r.k)),
    _kind(rf"{_ROUND}/exclusions/{_NAME}\.json", records.Exclusion, lambda r: names.exclusion(r.round, r.participant)),
    _kind(rf"{_ROUND}/attempts/{_NAME}\.json", records.Grant, lambda r: names.grant(r.round, r.who, r.attempt)),
    _kind(
        rf"{_ROUND}/measurements/{_WHO}\.json",
        Measurement,
        lambda r: names.measurement(r.round, r.participant),
    ),
    _kind(
        rf"{_ROUND}/updates/{_WHO}/[0-9]+/noise\.json",
        noise_records.NoiseDraw,
        lambda r: names.noise_draw(r.round, r.participant, r.attempt),
    ),
    _kind(
        rf"{_ROUND}/updates/{_WHO}/[0-9]+/record\.json",
        Update,
        lambda r: names.update(r.round, r.participant, r.attempt),
    ),
)


def kind_of(name: str) -> RecordKind | None:
    """The kind of record that the object `name` holds; None for blobs, update files, telemetry and foreign objects."""
    return next((kind for kind in _KINDS if kind.pattern.fullmatch(name)), None)


def participant_of(name: str) -> str | None:
    """The participant whose record the object `name` holds; None for the other objects."""
    matches = (kind.pattern.fullmatch(name) for kind in _KINDS)
    return next((match.groupdict().get("who") for match in matches if match), None)
