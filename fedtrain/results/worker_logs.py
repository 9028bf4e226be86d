"""The lines that trainers wrote to their log files on this machine, by execution."""

import re
from pathlib import Path

from fedtrain.ledger.ledger import Ledger
from fedtrain.results.locate import run_folder

Execution = tuple[int, str, int]
"""Round, name in the telemetry, attempt."""

_LARGEST = 16 * 1024 * 1024
"""Bytes of a file that are read, from its end."""
_TASK = re.compile(
    r"fedtrain\.trainer (?P<run>\S+/\S+) round (?P<round>\d+)(?: (?P<who>\S+))? (?P<kind>[A-Z]\w+) "
    r"attempt (?P<attempt>\d+): (?P<rest>.*)"
)
_ENDED = ("done in", "failed, may be retried,", "refused in", "stopped by the ledger")


def own_lines(ledger: Ledger) -> dict[Execution, str]:
    """Return the lines of each execution. A line belongs to the task that its process worked on."""
    folder = run_folder(ledger) or Path("runs") / ledger.namespace / ledger.name
    found: dict[Execution, list[str]] = {}
    for file in sorted((folder / "telemetry" / "workers").glob("worker-*.log")):
        current: Execution | None = None
        for line in _read(file).splitlines():
            task = _TASK.search(line)
            if task is not None and task["run"] == f"{ledger.namespace}/{ledger.name}":
                current = (int(task["round"]), _name(task["kind"], task["who"]), int(task["attempt"]))
            if current is not None:
                found.setdefault(current, []).append(line)
            if task is not None and task["rest"].startswith(_ENDED):
                current = None
    return {execution: "\n".join(lines) for execution, lines in found.items()}


def log_name(who: str) -> str:
    """Return the name of a task as `own_lines` has it: the logs do not name the close that is evaluated."""
    return "_evaluate" if who.startswith("_evaluate-") else who


def _name(kind: str, who: str | None) -> str:
    """The execution's name in the telemetry, as far as the log has it."""
    if who is not None:
        return {"Inspect": "_inspect-", "Measure": "_measure-"}.get(kind, "") + who
    return f"_{kind.lower()}"


def _read(file: Path) -> str:
    try:
        with file.open("rb") as log:
            log.seek(max(0, file.stat().st_size - _LARGEST))
            return log.read().decode(errors="replace")
    except OSError:
        return ""
