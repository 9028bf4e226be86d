"""Plain lines, for logs and pipes: each change, and once a minute how far long work is."""

import sys
from collections.abc import Callable
from time import monotonic
from typing import TextIO

from fedtrain.contracts.headline_metric import loss_text
from fedtrain.plurals import several
from fedtrain.runner.events import Event, Planned, WorkersStarting
from fedtrain.runner.progress.estimate import time_left
from fedtrain.runner.progress.lines import Lines
from fedtrain.runner.progress.state import View
from fedtrain.runner.progress.text import about, clock_text, legend, round_text, step_text, task_text
from fedtrain.runner.worker_pool import Progress

EVERY_SECONDS = 60.0
"""Between two lines about the same work."""


class PlainProgress:
    """`clock`: seconds, for elapsed time."""

    def __init__(self, out: TextIO | None = None, clock: Callable[[], float] = monotonic) -> None:
        self._out = out or sys.stdout
        self._lines = Lines()
        self._view = View(clock)
        self._clock = clock
        self._reported: dict[str, float] = {}
        self._known: set[str] = set()
        self._has_legend = False
        self._count = 0

    def __call__(self, event: Event) -> None:
        before = self._view.starting
        self._view.take(event)
        match event:
            case WorkersStarting(count):
                self._workers(count, before)
            case Progress():
                self._progress(event)
            case _:
                pass
        for line in self._lines.of(event):
            self._print(line)
        if isinstance(event, Planned) and not self._has_legend:
            self._has_legend = True
            self._print(f"({legend(('trained', 'loss', 'received', 'sent'), self._view.labels)})")

    def close(self) -> None:
        pass

    def _workers(self, starting: int, before: int) -> None:
        if starting > before:
            self._count = max(self._count, starting)
            self._print(f"starting {several(starting, 'worker')}: loading PyTorch takes some seconds")
        else:
            elapsed = clock_text(self._clock() - self._view.since)
            self._print(f"{self._count - starting} of {several(self._count, 'worker')} ready after {elapsed}")

    def _progress(self, event: Progress) -> None:
        """Report each phase before the first training, and long work at most once in EVERY_SECONDS."""
        who, now = task_text(event.key), self._clock()
        state = step_text(event.key, event.phase)
        round = round_text(event.key, self._view.rounds)
        if not event.steps:
            if event.key.round == 0 or event.key.kind == "Measure":
                self._once(f"{round}  {who}  {state}")
            return
        if now - self._reported.setdefault(who, now) < EVERY_SECONDS:
            return
        self._reported[who] = now
        loss = f"  loss {loss_text(event.loss)}" if event.loss is not None else ""
        left, whole = time_left(self._view)
        eta = "" if left is None or whole is None else f"  round: {about(left)} left, run: {about(whole)} left"
        self._print(f"{round}  {who}  {state} {event.step}/{event.steps}{loss}{eta}")

    def _once(self, line: str) -> None:
        """Print a line that a repeated attempt does not repeat."""
        if line not in self._known:
            self._known.add(line)
            self._print(line)

    def _print(self, line: str) -> None:
        print(line, file=self._out, flush=True)
