"""A table that stays in place, for a terminal: the rounds that are done above, the current one below."""

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from fedtrain.runner.events import Event, ObjectIgnored, OtherCoordinator, Recorded
from fedtrain.runner.progress.state import Row, View
from fedtrain.runner.progress.text import bytes_text, metric_text, other_text, recorded_text


class LiveProgress:
    def __init__(self, console: Console | None = None) -> None:
        self._view = View()
        self._console = console or Console()
        self._live = Live(get_renderable=self.render, console=self._console, refresh_per_second=4, transient=True)
        self._live.start()

    def __call__(self, event: Event) -> None:
        self._view.take(event)
        if isinstance(event, Recorded):
            self._console.print(Text(recorded_text(event, self._view.rounds)))
        if isinstance(event, ObjectIgnored):
            self._console.print(Text(f"ignoring {event.name}: {event.reason}"))
        if isinstance(event, OtherCoordinator):
            self._console.print(Text(other_text(event.text)))

    def close(self) -> None:
        self._live.stop()

    def render(self) -> RenderableType:
        """The table as it stands."""
        view = self._view
        title = f"{view.name}  round {view.round}/{view.rounds}  {view.phase}"
        table = Table(title=title, title_justify="left", expand=False)
        for name in ("participant", "state"):
            table.add_column(name)
        for name in ("samples", "loss", "received", "seconds", "sent"):
            table.add_column(name, justify="right")
        for who, row in view.rows.items():
            table.add_row(who, _state(row), *_numbers(row))
        under = Text(f"hub: {view.hub}" if view.hub else view.message)
        if not any(row.state for row in view.rows.values()):
            return Group(Text(title), under if under.plain else Text("starting the workers"))
        return Group(table, under) if under.plain else table


def _state(row: Row) -> str:
    again = f" (attempt {row.attempt})" if row.attempt > 1 else ""
    steps = f" {row.step}/{row.steps}" if row.step is not None and row.steps else ""
    return f"{row.state}{steps}{again}"


def _numbers(row: Row) -> tuple[str, ...]:
    return (
        "" if row.samples is None else str(row.samples),
        "" if row.loss is None else f"{row.loss:.4f}",
        metric_text(*row.metric) if row.metric else "",
        "" if row.seconds is None else f"{row.seconds:.1f}",
        bytes_text(row.size),
    )
