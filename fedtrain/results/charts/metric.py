"""The metric by round, with a line for the base, each participant alone, and pooled data."""

# pyright: basic
# (matplotlib's keyword arguments have no types)

from typing import TYPE_CHECKING

from fedtrain.results.charts.labels import Label, label_ends
from fedtrain.results.charts.style import (
    BASE,
    FEDERATED,
    MUTED,
    POOLED,
    colour,
    drawing,
    percentages,
    titled,
    whole_rounds,
)
from fedtrain.results.comparison import Comparison
from fedtrain.results.curve import Curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NAMED_ALONE = 6
"""More participants than this are drawn as one band, from the worst to the best alone."""


def metric_by_round(
    shown: Curve, comparison: Comparison | None, participants: list[str], width: float, height: float, title: str = ""
) -> "Figure":
    """`participants`: all of the file, in order. `width`, `height`: inches."""
    measure = shown.measure
    with drawing(width, height) as (figure, axes):
        rounds = [round for round, _ in shown.points]
        values = [value for _, value in shown.points]
        labels = [Label(shown.last, f"federated  {measure.text(shown.last)}", FEDERATED, bold=True)]
        if comparison is not None:
            labels += _lines(axes, shown, comparison, participants)
        if shown.first is not None:
            axes.axhline(shown.first, color=BASE, lw=1.2, ls=(0, (2, 2)), zorder=2)
            if len(shown.points) > 1:
                labels.append(Label(shown.first, f"{shown.start}  {measure.text(shown.first)}", MUTED))
        marker = "o" if len(rounds) <= 40 else ""
        style = {"marker": marker, "ms": 5, "mec": "white", "mew": 1.0, "zorder": 5, "clip_on": False}
        axes.plot(rounds, values, color=FEDERATED, lw=2.4, **style)
        end = max(rounds[-1], shown.rounds, rounds[0] + 1)
        if shown.rounds > rounds[-1]:  # later rounds ended with the same adapter, or did not measure theirs
            axes.plot([rounds[-1], shown.rounds], [shown.last] * 2, color=FEDERATED, lw=1.2, ls=(0, (2, 2)), zorder=4)
        if shown.rejected:
            numbers, found = zip(*shown.rejected, strict=True)
            crosses = {"color": FEDERATED, "marker": "x", "s": 34, "lw": 1.6, "zorder": 6, "clip_on": False}
            axes.scatter(numbers, found, label="rolled back", **crosses)
            axes.legend(loc="best", handletextpad=0.2)
        axes.set_xlim(rounds[0], end)
        axes.margins(y=0.08)
        whole_rounds(axes)
        if measure.share:
            low, high = axes.get_ylim()
            axes.set_ylim(0.0 if low < 0.3 else low, high)
            percentages(axes.yaxis)
        titled(axes, title or f"{measure.name} on {shown.where}")
        label_ends(axes, end if shown.rounds else rounds[-1], labels, gap=0.215 / height)
        return figure


def _lines(axes: "Axes", shown: Curve, comparison: Comparison, participants: list[str]) -> list[Label]:
    measure, labels = shown.measure, list[Label]()
    measured = ((arm.participant or "", arm.value(measure)) for arm in comparison.alone)
    alone = [(who, value) for who, value in measured if value is not None]
    if len(alone) > _NAMED_ALONE:
        low, high = min(value for _, value in alone), max(value for _, value in alone)
        axes.axhspan(low, high, color=colour(0), alpha=0.15, lw=0)
        best = high if measure.share else low
        labels.append(Label(best, f"{len(alone)} alone  {measure.text(low)} – {measure.text(high)}", colour(0)))
    else:
        for who, value in alone:
            tone = colour(participants.index(who) if who in participants else 0)
            axes.axhline(value, color=tone, lw=1.2, ls=(0, (5, 3)), zorder=3)
            labels.append(Label(value, f"{who} alone  {measure.text(value)}", tone))
    pooled = comparison.arm("Pooled")
    if pooled is not None and (value := pooled.value(measure)) is not None:
        axes.axhline(value, color=POOLED, lw=1.4, ls=(0, (1, 1.5)), zorder=3)
        labels.append(Label(value, f"pooled data  {measure.text(value)}", POOLED))
    return labels
