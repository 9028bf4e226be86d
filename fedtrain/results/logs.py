"""Log entries of a run: one per execution, from the telemetry of trainers and runner."""

from dataclasses import dataclass

from fedtrain.contracts import names
from fedtrain.ledger.ledger import Ledger
from fedtrain.results.run_summary import Execution, TaskTime
from fedtrain.results.telemetry import execution_folder, read_execution, read_runner, read_text
from fedtrain.results.words import duration, size

HUB = "hub"
"""Name of the hub's own tasks on the command line."""


@dataclass(frozen=True)
class Entry:
    """One execution. `who`: a participant, or a task of the hub, which starts with `_`."""

    round: int
    who: str
    attempt: int
    execution: Execution | None
    task: TaskTime | None
    text: str

    @property
    def owner(self) -> str:
        """The participant that ran the task, or `hub`."""
        for kind in ("_inspect-", "_measure-"):
            if self.who.startswith(kind):
                return self.who.removeprefix(kind)
        return HUB if self.who.startswith("_") else self.who


def entries(ledger: Ledger, owner: str | None = None, round: int | None = None) -> list[Entry]:
    """Return the executions by round, sorted by name. `owner`: a participant or `hub`. Raises StoreError."""
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
            entry = Entry(number, who, attempt, None, tasks.get((who, attempt)), "")
            if owner is not None and entry.owner != owner:
                continue
            execution = read_execution(ledger, number, who, attempt)
            text = read_text(ledger, f"{execution_folder(number, who, attempt)}/log.txt") or ""
            found.append(Entry(number, who, attempt, execution, entry.task, text))
    return found


def text(entry: Entry) -> str:
    """Return a heading with the outcome, followed by the execution's output."""
    execution, task = entry.execution, entry.task
    parts = [f"round {entry.round}", entry.who.lstrip("_"), f"attempt {entry.attempt}", _ending(entry)]
    if task is not None:
        parts.append(duration(task.seconds))
    lines = ["==> " + "  ".join(part for part in parts if part)]
    phases = execution.seconds if execution else task.phases if task else None
    if phases:
        lines.append("    " + ", ".join(f"{phase} {duration(seconds)}" for phase, seconds in phases.items()))
    if execution is not None:
        memory = execution.peak_gpu_memory or execution.peak_memory
        rate = execution.answer_tokens_per_second
        facts = [
            f"{rate:,.0f} answer tokens/s" if rate else "",
            f"peak memory {size(memory)}" if memory else "",
            f"on {execution.host}" if execution.host else "",
        ]
        lines += ["    " + ", ".join(fact for fact in facts if fact)] if any(facts) else []
    return "\n".join(lines + ([entry.text.rstrip("\n")] if entry.text.strip() else []))


def _ending(entry: Entry) -> str:
    execution, task = entry.execution, entry.task
    failed = (execution is not None and bool(execution.code)) or (task is not None and task.state == "Failed")
    said = (execution.reason if execution else "") or (task.reason if task else "")
    return ("failed" if failed else "done") + (f": {said}" if said else "")


def _telemetry_name(task: TaskTime) -> str:
    """Name of a task in the telemetry; the runner's name for it is the participant alone."""
    kinds = {"Inspect": "_inspect-", "Measure": "_measure-"}
    return kinds.get(task.kind, "") + task.who
