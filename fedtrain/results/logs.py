"""Log entries of a run: one per execution, from the telemetry of trainers and runner. The trainers' own lines are added
where their files are on this machine (`worker_logs.py`): they may contain values of rows, so they never leave it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fedtrain.contracts import names
from fedtrain.ledger.ledger import Ledger
from fedtrain.results.run_summary import Execution, TaskTime
from fedtrain.results.telemetry import read_execution, read_runner
from fedtrain.results.words import duration, short, size
from fedtrain.results.worker_logs import shortened

SHOWN_STEPS = 10
SHOWN_SECONDS = 0.05
"""Shorter phases are left out."""
HUB = "hub"
"""Name of the hub's own tasks on the command line."""

_FIRST_CLOSE = re.compile(r"(_aggregate|_evaluate)-[01]")
_DIGEST = re.compile(r"\bblake3:[0-9a-f]{64}\b")

Key = tuple[int, str, int]
"""Round, who, attempt."""


@dataclass(frozen=True)
class Entry:
    """One execution. `who`: a participant, or a task of the hub, which starts with `_`."""

    round: int
    who: str
    attempt: int
    execution: Execution | None
    task: TaskTime | None

    @property
    def key(self) -> Key:
        return self.round, self.who, self.attempt

    @property
    def ended_at(self) -> float | None:
        """Seconds since 1970, if known."""
        runner = self.task.ended_at if self.task else None
        return runner if runner is not None else self.execution.ended_at if self.execution else None


def owner_of(who: str) -> str:
    """Return the participant that runs a task of this name in the telemetry, or `hub`."""
    for kind in ("_inspect-", "_measure-"):
        if who.startswith(kind):
            return who.removeprefix(kind)
    return HUB if who.startswith("_") else who


def title(who: str) -> str:
    """Return a task's name in the telemetry or in the logs as headings show it: `evaluate` while it runs and when it
    has ended, `measure-zoo`. A round that is closed again, without some updates, has `evaluate-2`."""
    return _FIRST_CLOSE.sub(r"\1", who).lstrip("_")


def entries(ledger: Ledger, owner: str | None = None, round: int | None = None) -> list[Entry]:
    """Return the executions by round, in the order in which they ended; those without a time come first, by name.
    `owner`: a participant or `hub`. Raises StoreError."""
    listed = sorted(ledger.names(names.telemetry("rounds/")))
    executions: dict[int, set[tuple[str, int]]] = {}
    for name in listed:
        parts = name.split("/")[2:]
        if len(parts) > 1 and parts[0].isdecimal():
            number = int(parts[0])
            executions.setdefault(number, set())
            who, _, attempt = parts[1].rpartition("-")
            if len(parts) == 3 and who and attempt.isdecimal():
                executions[number].add((who, int(attempt)))
    found: list[Entry] = []
    for number in sorted(executions):
        if round is not None and number != round:
            continue
        tasks = {(_telemetry_name(task), task.attempt): task for task in read_runner(ledger, number)[1]}
        for who, attempt in sorted(executions[number] | tasks.keys()):
            if owner is None or owner_of(who) == owner:
                execution = read_execution(ledger, number, who, attempt)
                found.append(Entry(number, who, attempt, execution, tasks.get((who, attempt))))
    return sorted(found, key=lambda entry: (entry.round, entry.ended_at or 0.0))


def text(entry: Entry, own: Sequence[str] = ()) -> str:
    """Return a heading with the time and the outcome, followed by what is known of the execution. `own`: the trainer's
    lines."""
    execution, task = entry.execution, entry.task
    parts = [
        _clock(entry.ended_at),
        f"round {entry.round}",
        title(entry.who),
        f"attempt {entry.attempt}",
        _ending(entry),
    ]
    if task is not None:
        parts.append(duration(task.seconds))
    lines = ["==> " + "  ".join(part for part in parts if part)]
    phases = execution.seconds if execution else task.phases if task else None
    shown = {phase: seconds for phase, seconds in (phases or {}).items() if seconds >= SHOWN_SECONDS}
    if shown:
        lines.append("    " + ", ".join(f"{phase} {duration(seconds)}" for phase, seconds in shown.items()))
    if execution is not None:
        memory = execution.peak_gpu_memory or execution.peak_memory
        rate = execution.answer_tokens_per_second
        facts = [
            f"{rate:,.0f} answer tokens/s" if rate else "",
            f"peak memory {size(memory)}" if memory else "",
            f"on {execution.host}" if execution.host else "",
        ]
        lines += ["    " + ", ".join(fact for fact in facts if fact)] if any(facts) else []
        lines += [f"    loss by step: {_curve(execution.curve)}"] if execution.curve else []
    lines += [f"    {shortened(line)}" for line in own if line.strip()]
    return with_short_digests("\n".join(lines))


def with_short_digests(text: str) -> str:
    """Return the text with the first digits of each digest."""
    return _DIGEST.sub(lambda found: short(found[0]), text)


def _clock(seconds: float | None) -> str:
    return "" if seconds is None else f"{datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M:%S}"


def _curve(curve: tuple[float, ...]) -> str:
    """`1: 5.582, 13: 4.903, 25: 4.671`: at most SHOWN_STEPS steps, evenly spaced, the first and the last included."""
    last, shown = len(curve) - 1, min(len(curve), SHOWN_STEPS)
    steps = sorted({round(index * last / max(1, shown - 1)) for index in range(shown)})
    return ", ".join(f"{step + 1}: {curve[step]:.3f}" for step in steps)


def _ending(entry: Entry) -> str:
    execution, task = entry.execution, entry.task
    failed = (execution is not None and bool(execution.code)) or (task is not None and task.state == "Failed")
    said = (execution.reason if execution else "") or (task.reason if task else "")
    return ("failed" if failed else "done") + (f": {said}" if said else "")


def _telemetry_name(task: TaskTime) -> str:
    """Name of a task in the telemetry; the runner's name for it is the participant alone."""
    kinds = {"Inspect": "_inspect-", "Measure": "_measure-"}
    return kinds.get(task.kind, "") + task.who
