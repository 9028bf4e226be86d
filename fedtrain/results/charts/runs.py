"""A value by round, a line each run."""

# pyright: basic
# (matplotlib's keyword arguments have no types)

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedtrain.results.charts.style import FEDERATED, colour, drawing, percentages, titled, whole_rounds

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Line:
    """`index`: position of the run, for its colour. `points`: (round, value). `level`: the run has one value, that of
    training without federation, which is drawn across all rounds."""

    name: str
    index: int
    points: Sequence[tuple[int, float]]
    level: bool = False


def runs_by_round(lines: Sequence[Line], title: str, share: bool, width: float, height: float) -> "Figure":
    """`share`: values between 0 and 1, drawn as percentages. `width`, `height`: inches."""
    with drawing(width, height) as (figure, axes):
        for line in lines:
            tone = FEDERATED if line.index == 0 else colour(line.index - 1)
            if line.level:
                axes.axhline(line.points[-1][1], color=tone, label=line.name, linestyle="--", linewidth=1.2)
                continue
            rounds, values = zip(*line.points, strict=True)
            marker = "o" if len(rounds) <= 40 else ""
            axes.plot(rounds, values, color=tone, label=line.name, marker=marker, ms=4, mec="white", mew=0.8)
        whole_rounds(axes)
        if share:
            percentages(axes.yaxis)
        titled(axes, title)
        columns = max(1, min(3, int(width * 9 / max(len(line.name) for line in lines))))
        figure.legend(loc="outside lower left", ncols=columns, handlelength=1.2, columnspacing=1.4)
        return figure
