"""The comparison of runs as one HTML file that loads nothing else."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from fedtrain import __version__
from fedtrain.contracts.headline_metric import Measure, hub_measures
from fedtrain.listing import listed
from fedtrain.results.charts.runs import Line, runs_by_round
from fedtrain.results.charts.style import svg
from fedtrain.results.curve import curve
from fedtrain.results.measured_arms import MeasuredArm
from fedtrain.results.public_text import public_text
from fedtrain.results.report.figures import Figure
from fedtrain.results.report.style import style_sheet
from fedtrain.results.run_comparison.compared import Arms, compare_runs, public_names, tables
from fedtrain.results.run_summary import RunSummary
from fedtrain.results.tables import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

_NO_ARMS: Arms = {}
_WIDTHS, _HEIGHT = {"wide": 8.6, "narrow": 4.6}, 3.9
"""Inches, for screens and paper and for phones, as in the report."""


@dataclass
class _Chart:
    share: bool
    lines: list[Line] = field(default_factory=list[Line])


def page(summaries: Sequence[RunSummary], arms: Arms) -> str:
    """Return the HTML, the same for the same summaries and arms, without paths of this machine. The template escapes
    all text; only charts are markup."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
    template = files("fedtrain.results.run_comparison").joinpath("comparison.html.jinja").read_text(encoding="utf-8")
    names = public_names(summaries)
    return environment.from_string(template).render(
        names=listed(names),
        charts=charts(summaries, arms),
        has_level_lines=any(_level(arms.get(summary.url)) is not None for summary in summaries),
        tables=[_public(table) for table in tables(compare_runs(summaries, arms, names), summaries, arms)],
        style=style_sheet(),
        version=__version__,
        breakable=breakable,
    )


def breakable(text: str, after: str) -> Markup:
    """Escape a text such as `spec.rounds.count` that narrow screens may wrap `after` each dot."""
    return Markup("<wbr>").join(re.split(f"(?<={re.escape(after)})", text))


def _public(table: Table) -> Table:
    return replace(table, rows=tuple(tuple(public_text(cell) for cell in row) for row in table.rows))


def charts(summaries: Sequence[RunSummary], arms: Arms = _NO_ARMS) -> list[Figure]:
    """Return a chart for each headline metric, for each other metric of the hub, and one of the training losses; each
    for wide and for narrow screens. Arms train in one round what others train in many, so theirs are level lines; a
    personalised one is measured on other data, and is in the table only."""
    found: dict[str, _Chart] = {}
    losses = _Chart(share=False)
    for index, (summary, name) in enumerate(zip(summaries, public_names(summaries), strict=True)):
        arm = arms.get(summary.url)
        if arm is not None and (level := _level(arm)) is not None:
            _chart(found, arm.measure).lines.append(Line(name, index, ((1, level),), level=True))
        elif (shown := curve(summary)) is not None:
            _chart(found, shown.measure).lines.append(Line(name, index, shown.points))
            for measure in hub_measures(summary.spec):
                points = [
                    (one.number, one.metrics[measure.name]) for one in summary.recorded if measure.name in one.metrics
                ]
                if measure != shown.measure and points:
                    _chart(found, measure).lines.append(Line(name, index, points))
        if points := _losses(summary):
            losses.lines.append(Line(name, index, points))
    if losses.lines:
        found["training loss, mean of the accepted updates"] = losses
    return [
        _figure(title, chart, kind, number) for number, (title, chart) in enumerate(found.items()) for kind in _WIDTHS
    ]


def _level(arm: MeasuredArm | None) -> float | None:
    """Return the value of an arm that has a level line."""
    return None if arm is None or arm.on is not None else arm.value


def _chart(found: dict[str, _Chart], measure: Measure) -> _Chart:
    return found.setdefault(f"{measure.name} ({measure.direction})", _Chart(measure.share))


def _figure(title: str, chart: _Chart, kind: str, number: int) -> Figure:
    def draw() -> "Drawing":
        return runs_by_round(chart.lines, title, chart.share, _WIDTHS[kind], _HEIGHT)

    return Figure(Markup(svg(draw, f"runs-{number}-{kind}")), f"{title} by round, a line each run", kind)


def _losses(summary: RunSummary) -> list[tuple[int, float]]:
    return [(round.number, round.train_loss) for round in summary.rounds if round.train_loss is not None]
