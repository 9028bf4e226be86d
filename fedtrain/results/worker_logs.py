"""The lines that trainers wrote to their log files on this machine, by execution."""

import re
from pathlib import Path

from fedtrain.ledger.ledger import Ledger
from fedtrain.results.locate import run_folder

Execution = tuple[int, str, int]
"""Round, name in the telemetry, attempt."""

_LARGEST = 16 * 1024 * 1024
"""Bytes of a file that are read at a time, from its end."""
_TASK = re.compile(
    r"fedtrain\.trainer (?P<run>\S+/\S+) round (?P<round>\d+)(?: (?P<who>\S+))? (?P<kind>[A-Z]\w+) "
    r"attempt (?P<attempt>\d+): (?P<rest>.*)"
)
_LINE = re.compile(r"\d{4}-\d\d-\d\d (?P<clock>\d\d:\d\d:\d\d),\d+ fedtrain\.\w+ (?P<message>.*)")
_ENDED = ("done in", "failed, may be retried,", "refused in", "stopped by the ledger")


class WorkerLogs:
    """Reads the log files of a run's workers from where the previous read ended."""

    def __init__(self, ledger: Ledger) -> None:
        folder = run_folder(ledger) or Path("runs") / ledger.namespace / ledger.name
        self._folder = folder / "telemetry" / "workers"
        self._run = f"{ledger.namespace}/{ledger.name}"
        self._read: dict[Path, int] = {}
        self._at_work: dict[Path, Execution | None] = {}

    def new_lines(self) -> dict[Execution, list[str]]:
        """Return the whole lines since the previous call, by execution. A line belongs to the task that its process
        worked on."""
        found: dict[Execution, list[str]] = {}
        for file in sorted(self._folder.glob("worker-*.log")):
            for line in self._lines(file):
                task = _TASK.search(line)
                if task is not None and task["run"] == self._run:
                    self._at_work[file] = int(task["round"]), _name(task["kind"], task["who"]), int(task["attempt"])
                current = self._at_work.get(file)
                if current is not None:
                    found.setdefault(current, []).append(line)
                if task is not None and task["rest"].startswith(_ENDED):
                    self._at_work[file] = None
        return found

    def _lines(self, file: Path) -> list[str]:
        try:
            with file.open("rb") as log:
                size = file.stat().st_size
                start = self._read.get(file, 0)
                start = max(start if start <= size else 0, size - _LARGEST)  # a smaller file is another one
                log.seek(start)
                whole = log.read(size - start).rpartition(b"\n")
        except OSError:
            return []
        self._read[file] = start + len(whole[0]) + len(whole[1])
        return whole[0].decode(errors="replace").splitlines()


def log_name(who: str) -> str:
    """Return the name of a task as `WorkerLogs` has it: the logs do not name the close that is evaluated."""
    return "_evaluate" if who.startswith("_evaluate-") else who


def shortened(line: str) -> str:
    """Return a trainer's line without what its heading says: date, run, round and task."""
    found = _LINE.fullmatch(line)
    if found is None:
        return line
    task = _TASK.fullmatch(f"fedtrain.trainer {found['message']}")
    return f"{found['clock']}  {task['rest'] if task else found['message']}".rstrip()


def _name(kind: str, who: str | None) -> str:
    """The execution's name in the telemetry, as far as the log has it."""
    if who is not None:
        return {"Inspect": "_inspect-", "Measure": "_measure-"}.get(kind, "") + who
    return f"_{kind.lower()}"
