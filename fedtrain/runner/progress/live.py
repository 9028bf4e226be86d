"""The terminal's view of a run: what stays is printed above, the current round is redrawn below."""

from collections.abc import Callable
from time import monotonic

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from fedtrain.contracts.headline_metric import loss_text
from fedtrain.palette import TONES, Role
from fedtrain.plurals import several
from fedtrain.runner.events import Delivered, Event, Planned, RunEnded
from fedtrain.runner.progress.estimate import time_left
from fedtrain.runner.progress.lines import Lines
from fedtrain.runner.progress.state import Row, View
from fedtrain.runner.progress.text import about, bytes_text, clock_text, legend, metric_text

_MUTED = TONES["muted"].terminal
_REFRESHES = 5
"""Per second."""
_NAME_WIDTH = 20
_WIDE, _WIDER = 72, 92
"""Columns of the terminal from which more numbers are shown."""
_OTHER_LINES = 9
"""Lines around the table of participants."""


class LiveProgress:
    """`clock`: seconds, for elapsed time."""

    def __init__(self, console: Console | None = None, clock: Callable[[], float] = monotonic) -> None:
        self._view = View(clock)
        self._lines = Lines()
        self._console = console or Console(highlight=False)
        self._spinner = Spinner("dots" if self._console.encoding.startswith("utf") else "line")
        self._live = Live(
            get_renderable=self.render, console=self._console, refresh_per_second=_REFRESHES, transient=True
        )
        self._live.start()

    def __call__(self, event: Event) -> None:
        self._view.take(event)
        lines = self._lines.of(event)
        if not isinstance(event, Delivered | Planned | RunEnded):
            for line in lines:
                self._console.print(Text(line))

    def close(self) -> None:
        self._live.stop()

    def render(self) -> RenderableType:
        """Return the current state for the terminal's width."""
        view, width = self._view, self._console.width
        parts: list[RenderableType] = [self._header()]
        if view.trains:
            parts.append(self._bars())
        rows = {who: row for who, row in view.rows.items() if row.state}
        if rows and not view.ended:
            parts.append(self._table(rows, width))
            if hidden := self._hidden(rows):
                parts.append(Text(hidden, style=_MUTED))
        if view.hub:
            parts.append(Text(f"hub: {view.hub}", no_wrap=True, overflow="ellipsis"))
        if view.message:
            parts.append(Text(view.message))
        if rows and not view.ended and any(row.trained is not None for row in rows.values()):
            parts.append(Text(legend(_numbers(Row(), width), view.labels), style=_MUTED))
        return Group(*parts)

    def _header(self) -> RenderableType:
        view = self._view
        starting = f"starting {several(view.starting, 'worker')}"
        if self._console.width >= _WIDE:
            starting += " (loading PyTorch)"
        round = f"round {min(view.round, view.rounds)} of {view.rounds}" if view.round else ""
        phase = starting if view.starting and not any(row.is_busy for row in view.rows.values()) else view.phase
        text = " · ".join(part for part in (view.name, round, phase) if part)
        if view.ended:
            return Text(text)
        grid = Table.grid(expand=True, padding=(0, 1, 0, 0), pad_edge=False)
        grid.add_column()
        grid.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        grid.add_column(justify="right", no_wrap=True)
        grid.add_row(self._spinner, Text(text, style="bold"), clock_text(view.clock() - view.since))
        return grid

    def _bars(self) -> RenderableType:
        view = self._view
        left, whole = time_left(view)
        done = view.round_progress
        grid = Table.grid(padding=(0, 1))
        grid.add_column()
        grid.add_column()
        grid.add_column(no_wrap=True)
        bar = max(10, min(40, self._console.width - 32))
        run = min(1.0, (view.round - 1 + done) / view.rounds)
        for name, share, seconds in (("round", done, left), ("run", run, whole)):
            eta = f"{about(seconds)} left" if seconds is not None else ""
            grid.add_row(name, ProgressBar(1.0, share, width=bar), f"{share:4.0%}  {eta}")
        return grid

    def _table(self, rows: dict[str, Row], width: int) -> Table:
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style=_MUTED)
        table.add_column("participant", no_wrap=True, max_width=_NAME_WIDTH)
        table.add_column("state", no_wrap=True, overflow="ellipsis")
        trains = any(row.trained is not None for row in rows.values())
        for name in _numbers(Row(), width) if trains else ():
            table.add_column(name, justify="right", no_wrap=True)
        for who in self._shown(rows):
            numbers = _numbers(rows[who], width).values() if trains else ()
            table.add_row(who, _state(rows[who]), *numbers)
        return table

    def _shown(self, rows: dict[str, Row]) -> list[str]:
        """The participants that fit on the screen: those that work first."""
        room = max(3, self._console.height - _OTHER_LINES)
        if len(rows) <= room:
            return list(rows)
        order = sorted(rows, key=lambda who: (not rows[who].is_busy, rows[who].is_done))
        kept = set(order[:room])
        return [who for who in rows if who in kept]

    def _hidden(self, rows: dict[str, Row]) -> str:
        hidden = [row for who, row in rows.items() if who not in self._shown(rows)]
        done = sum(row.is_done for row in hidden)
        return f"and {len(hidden)} more: {done} done, {len(hidden) - done} not done" if hidden else ""


def _state(row: Row) -> Text:
    again = f" (attempt {row.attempt})" if row.attempt > 1 else ""
    steps = f" {row.step}/{row.steps}" if row.step is not None and row.steps else ""
    role: Role = "good" if row.is_done else "bad" if "failed" in row.state else "active" if row.is_busy else "muted"
    return Text(f"{row.state}{steps}{again}", style=TONES[role].terminal)


def _numbers(row: Row, width: int) -> dict[str, str]:
    """The numbers that fit, by their column."""
    found = {
        "trained": "" if row.trained is None or not row.is_done else f"{row.trained:,}",
        "loss": "" if row.loss is None else loss_text(row.loss),
    }
    if width >= _WIDE:
        found["received"] = metric_text(*row.metric) if row.metric else ""
    if width >= _WIDER:
        found["time"] = "" if row.seconds is None or not row.is_done else clock_text(row.seconds)
    if width >= _WIDE:
        found["sent"] = bytes_text(row.size)
    return found
