"""Privacy loss and signal to noise by round."""

# pyright: basic
# (matplotlib's keyword arguments have no types)

from textwrap import wrap
from typing import TYPE_CHECKING

from fedtrain.results.charts.style import FEDERATED, MUTED, drawing, titled, whole_rounds
from fedtrain.results.run_summary import RunSummary

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TERMS_WIDTH = 58
"""Characters of a line below the chart."""


def epsilon_by_round(summary: RunSummary, width: float, height: float) -> "Figure":
    """Draw the epsilon spent up to each round, and the budget."""
    points = [(round.number, round.epsilon) for round in summary.rounds if round.epsilon is not None]
    with drawing(width, height) as (figure, axes):
        if points:
            axes.step(*zip(*points, strict=True), color=FEDERATED, where="post", marker="o", ms=3.5)
        if summary.privacy is not None:
            axes.axhline(summary.privacy.budget, color=MUTED, lw=1, ls="--")
            axes.set_ylim(bottom=0)
            titled(axes, "epsilon (dashed: budget)")
        whole_rounds(axes)
        if summary.privacy is not None:
            terms = "\n".join(wrap(f"round; {summary.privacy.terms_in_short}", _TERMS_WIDTH))
            axes.set_xlabel(terms)
        return figure


def signal_to_noise_by_round(summary: RunSummary, width: float, height: float) -> "Figure":
    """Draw the largest possible norm of each round's mean over the expected norm of its noise, or with unit Example of
    the mean gradient of a step; dashed: equal."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    points = [(round.number, round.signal_to_noise) for round in summary.rounds if round.signal_to_noise is not None]
    with drawing(width, height) as (figure, axes):
        if points:
            axes.plot(*zip(*points, strict=True), color=FEDERATED, marker="o", ms=3.5)
        axes.axhline(1.0, color=MUTED, lw=1, ls="--")
        axes.set_yscale("log")
        plain = FuncFormatter(lambda value, _: f"{value:g}")
        axes.yaxis.set_major_formatter(plain)
        low, high = axes.get_ylim()
        axes.yaxis.set_minor_formatter(plain if high < 10 * low else NullFormatter())
        titled(axes, "signal to noise (dashed: equal)")
        whole_rounds(axes)
        return figure
