"""What the report shows from outside the ledger's chain: dates, versions of packages, and losses by step."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from fedtrain.contracts import names
from fedtrain.ledger.ledger import Ledger
from fedtrain.results.run_summary import RunSummary
from fedtrain.results.telemetry import execution_folder, numbers_in, read_json


@dataclass(frozen=True)
class ReportTelemetry:
    """`began`, `recorded`: when the store got `run.json` and the newest manifest, in seconds since 1970. `versions`: of
    the trainers' packages, by name. `losses`: (step of the run, training loss) by participant."""

    began: float | None = None
    recorded: float | None = None
    versions: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    losses: Mapping[str, list[tuple[int, float]]] = field(default_factory=dict[str, list[tuple[int, float]]])


def read_telemetry(ledger: Ledger, summary: RunSummary) -> ReportTelemetry:
    """Read the telemetry of the attempts whose updates came in; other attempts trained on the same samples. Raises
    StoreError."""
    losses: dict[str, list[tuple[int, float]]] = {}
    versions: dict[str, set[str]] = {}
    steps: dict[str, int] = {}
    for round in summary.rounds:
        for one in round.participants:
            if one.execution is None or one.steps is None:
                continue
            plain = read_json(ledger, f"{execution_folder(round.number, one.participant, one.attempt)}/trainer.json")
            before = steps.get(one.participant, 0)
            losses.setdefault(one.participant, []).extend(
                (before + step, loss) for step, loss in enumerate(numbers_in(plain.get("curve")), start=1)
            )
            steps[one.participant] = before + one.steps
            for name, version in _texts(plain.get("versions")):
                versions.setdefault(name, set()).add(version)
    newest = summary.recorded[-1].number if summary.recorded else None
    return ReportTelemetry(
        began=_modified(ledger, names.RUN),
        recorded=None if newest is None else _modified(ledger, names.manifest(newest)),
        versions={name: tuple(sorted(found)) for name, found in sorted(versions.items())},
        losses={who: points for who, points in losses.items() if points},
    )


def _texts(plain: object) -> list[tuple[str, str]]:
    entries = cast("dict[str, object]", plain).items() if isinstance(plain, dict) else ()
    return [(name, value) for name, value in entries if isinstance(value, str)]


def _modified(ledger: Ledger, name: str) -> float | None:
    return ledger.store.modified(f"{ledger.namespace}/{ledger.name}/{name}")
