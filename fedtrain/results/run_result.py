"""The end of a run in a few lines: the result, the adapter, and the next commands."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fedtrain.api.places import short_path
from fedtrain.contracts.headline_metric import Measure
from fedtrain.ledger.ledger import Ledger
from fedtrain.plurals import several
from fedtrain.quoting import quoted
from fedtrain.results.base_folder import base_folder
from fedtrain.results.best_round import best_point
from fedtrain.results.chance import best_alone_note, rows_of
from fedtrain.results.comparison import Comparison, read_comparison
from fedtrain.results.curve import curve
from fedtrain.results.export import default_target, export
from fedtrain.results.held_out_rows import metric_warning
from fedtrain.results.kept_adapter import rolled_back_text
from fedtrain.results.locate import Located
from fedtrain.results.run_summary import RunSummary
from fedtrain.results.summary import summarise
from fedtrain.results.words import duration

if TYPE_CHECKING:
    from fedtrain.api.reading.federation import Federation


@dataclass(frozen=True)
class RunResult:
    """`message`: why the run ended before its last round, which participants its last round is without, and damage.
    `rolled_back`: which rounds were rolled back, and why. `adapter_round`: the round that made the adapter. `privacy`:
    epsilon with its terms, of a private run. `start`, `final`, `best`: values of `measure` after round 0, the last
    round and `best_round`, measured on `where`. `best_alone`: the value of the best participant that trained alone,
    `best_alone_participant`, if `fedtrain baseline` has measured it; `best_alone_note`: that the difference from it
    may be chance. `seconds`: wall time, if known. `warning`: that the adapter is hardly better than one answer for all
    rows. `adapter`: its folder."""

    name: str
    phase: str
    rounds: int
    adapter: str
    message: str = ""
    rolled_back: str = ""
    adapter_round: int | None = None
    privacy: str = ""
    seconds: float | None = None
    measure: Measure | None = None
    where: str | None = None
    start: float | None = None
    final: float | None = None
    best: float | None = None
    best_round: int | None = None
    warning: str = ""
    best_alone: float | None = None
    best_alone_participant: str | None = None
    best_alone_note: str = ""


def export_newest(ledger: Ledger, federation: "Federation") -> Path:
    """Export the newest adapter of a run to its default folder, with the base model's tokenizer if that is on this
    machine, and return the folder. Raises as `export` does."""
    base = base_folder(Located(ledger, federation), federation.training.spec.model)
    return export(ledger, default_target(ledger), base=base if isinstance(base, Path) else None, federation=federation)


def finished(federation: "Federation") -> RunResult:
    """Export the newest adapter of the file's run to its default folder and return the result. Raises as `export`
    does."""
    from fedtrain.runner.bindings import ledger_of

    ledger = ledger_of(federation)
    folder = export_newest(ledger, federation)
    summary = summarise(ledger)
    return run_result(summary, read_comparison(ledger, summary.run_id, summary.adapter), folder)


def run_result(summary: RunSummary, comparison: Comparison | None, adapter: Path) -> RunResult:
    """`adapter`: the folder that it was exported to."""
    shown = curve(summary)
    best = best_point(shown) if shown else None
    alone = comparison.best_alone(shown.measure) if comparison and shown else None
    return RunResult(
        name=summary.name,
        phase=summary.phase,
        rounds=summary.rounds_done,
        adapter=str(adapter),
        message=" ".join(text for text in (summary.end_message, summary.damage) if text),
        privacy=summary.privacy.text if summary.privacy else "",
        rolled_back=rolled_back_text(summary.recorded),
        adapter_round=summary.made_adapter_of(summary.rounds_done).number if summary.recorded else None,
        seconds=summary.wall_seconds,
        measure=shown.measure if shown else None,
        where=shown.where if shown else None,
        start=shown.first if shown else None,
        final=shown.last if shown else None,
        best=best[1] if best else None,
        best_round=best[0] if best else None,
        warning=metric_warning(summary),
        best_alone=alone.value(shown.measure) if alone and shown else None,
        best_alone_participant=alone.participant if alone else None,
        best_alone_note=best_alone_note(comparison, shown.measure, rows_of(summary)) if comparison and shown else "",
    )


def result_lines(result: RunResult) -> list[str]:
    """Return the result and the adapter."""
    took = f" in {duration(result.seconds)}" if result.seconds is not None else ""
    return [
        f"{result.name}: {result.phase.lower()} after {several(result.rounds, 'round')}{took}",
        *([result.message] if result.message else []),
        *([result.rolled_back] if result.rolled_back else []),
        *_metric_lines(result),
        *([f"warning: {result.warning}"] if result.warning else []),
        *([f"privacy: {result.privacy}"] if result.privacy else []),
        f"{_adapter(result)}: {short_path(result.adapter)}",
    ]


def _adapter(result: RunResult) -> str:
    kept = result.adapter_round not in (None, result.rounds)
    return f"adapter of round {result.adapter_round}" if kept else "adapter"


def _was_better(result: RunResult) -> bool:
    """Whether an earlier round has a better metric than the last one."""
    return result.best_round not in (None, result.rounds) and result.best != result.final


def _has_better(result: RunResult) -> bool:
    """Whether an earlier round has an adapter to export instead. That of round 0 has not learned anything."""
    return _was_better(result) and result.best_round != 0


def next_commands(result: RunResult, file: Path) -> Sequence[tuple[str, str]]:
    """Return commands and what they do."""
    run = quoted(file)
    found = [(f"fedtrain report {run}", "charts and all numbers in one HTML file")]
    found.append((f"fedtrain try {run}", "talk to the adapter"))
    if result.best_alone is None:
        found.append((f"fedtrain baseline {run}", "compare with each participant alone"))
    if _has_better(result):
        found.append((f"fedtrain export {run} --round best", f"the adapter after round {result.best_round}"))
    found.append((f"fedtrain export {run} --merged", "a whole model to serve"))
    found.append((f"fedtrain init --from {run}", "a run that continues from this adapter"))
    return found


def _metric_lines(result: RunResult) -> list[str]:
    measure = result.measure
    if measure is None or result.final is None:
        return []
    start = f"{measure.text(result.start)} → " if result.start is not None and result.rounds else ""
    better = ""
    if _was_better(result):
        better = f", best {measure.text(result.best)} in round {result.best_round}"
    lines = [f"{measure.name}: {start}{measure.text(result.final)}{better} ({measure.direction})"]
    if result.best_alone is not None:
        note = f"; the difference {result.best_alone_note}" if result.best_alone_note else ""
        alone = f"{measure.text(result.best_alone)} ({result.best_alone_participant})"
        lines.append(f"best participant alone: {alone}{note}")
    return lines
