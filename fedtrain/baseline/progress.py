"""Progress of the arms: one bar each on a terminal, lines elsewhere."""

from typing import Protocol, TextIO

from fedtrain.baseline.arms import ArmRun
from fedtrain.plurals import several
from fedtrain.runner.events import Event, RunEnded
from fedtrain.runner.worker_pool import Ended, Progress


class ArmsView(Protocol):
    """Called from several threads."""

    def begins(self, arms: list[ArmRun]) -> None: ...
    def arm(self, arm: ArmRun, event: Event) -> None: ...
    def measured(self, done: int, total: int) -> None: ...
    def close(self) -> None: ...


class Silent:
    def begins(self, arms: list[ArmRun]) -> None: ...
    def arm(self, arm: ArmRun, event: Event) -> None: ...
    def measured(self, done: int, total: int) -> None: ...
    def close(self) -> None: ...


class Lines:
    """Prints a line when an arm or the measuring starts and ends."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def begins(self, arms: list[ArmRun]) -> None:
        for arm in arms:
            self._say(f"{arm.label}: {several(arm.steps, 'step')}")

    def arm(self, arm: ArmRun, event: Event) -> None:
        if isinstance(event, Ended) and event.execution.state == "Failed":
            self._say(f"{arm.label}: attempt {event.key.attempt} failed: {event.execution.reason}")
        elif isinstance(event, RunEnded):
            self._say(f"{arm.label}: {event.outcome.lower()}{': ' if event.message else ''}{event.message}")

    def measured(self, done: int, total: int) -> None:
        if done in (0, total):
            self._say(f"measuring: {done} of {total}")

    def close(self) -> None: ...

    def _say(self, line: str) -> None:
        print(line, file=self._out, flush=True)


class Bars:
    """Draws one bar per arm, over its steps, and one for the measuring."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Drawing

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(pulse_style="bar.back"),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TextColumn("{task.fields[note]}", markup=False),  # reasons contain brackets
            TimeElapsedColumn(),
        )
        self._drawing = Drawing(*columns)
        self._tasks: dict[str, int] = {}
        self._waiting: set[str] = set()

    def begins(self, arms: list[ArmRun]) -> None:
        self._drawing.start()
        for arm in arms:
            self._waiting.add(arm.label)
            self._tasks[arm.label] = self._add(arm.label, arm.steps, waiting=True)

    def arm(self, arm: ArmRun, event: Event) -> None:
        bar = self._bar(arm.label)
        if isinstance(event, Progress) and arm.label in self._waiting:
            self._waiting.discard(arm.label)
            self._drawing.start_task(bar)
            self._drawing.update(bar, note="")
        if isinstance(event, Progress) and event.phase == "training" and event.step is not None:
            note = f"loss {event.loss:.3f}" if event.loss is not None else ""
            self._drawing.update(bar, completed=event.step, note=note)
        elif isinstance(event, Ended) and event.execution.state == "Failed":
            self._drawing.update(bar, note=f"attempt {event.key.attempt} failed: {event.execution.reason}")
        elif isinstance(event, RunEnded):
            done = arm.steps if event.outcome == "Succeeded" else None
            self._drawing.update(bar, completed=done, note=event.message)

    def measured(self, done: int, total: int) -> None:
        if "measuring" not in self._tasks:
            self._drawing.start()
            self._tasks["measuring"] = self._add("measuring", total)
        self._drawing.update(self._bar("measuring"), completed=done)

    def close(self) -> None:
        self._drawing.stop()

    def _add(self, label: str, total: int, waiting: bool = False) -> int:
        """`waiting`: its time begins with its first work."""
        return self._drawing.add_task(label, start=not waiting, total=total, note="waiting" if waiting else "")

    def _bar(self, label: str):
        from rich.progress import TaskID

        return TaskID(self._tasks[label])
