"""Training loss by step, a line for each participant."""

# pyright: basic
# (matplotlib's keyword arguments have no types)

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from fedtrain.results.charts.style import colour, drawing, titled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_POINTS = 150
"""Most points of a line. Longer ones show means of neighbouring steps."""


def loss_by_step(
    losses: Mapping[str, Sequence[tuple[int, float]]], participants: list[str], width: float, height: float
) -> "Figure":
    """`losses`: (step, loss) by participant. `participants`: all of the file, in order."""
    with drawing(width, height) as (figure, axes):
        for index, name in enumerate(participants):
            if points := thinned(losses.get(name, ()), _POINTS):
                steps, values = zip(*points, strict=True)
                axes.plot(steps, values, color=colour(index), lw=1.2)
        axes.set_xlabel("step of the run")
        titled(axes, "training loss by step")
        return figure


def thinned(points: Sequence[tuple[int, float]], most: int) -> list[tuple[float, float]]:
    """Return at most `most` points: means of as many neighbours as needed."""
    size = -(-len(points) // most)
    groups = (points[at : at + size] for at in range(0, len(points), size)) if size else ()
    return [(sum(step for step, _ in g) / len(g), sum(loss for _, loss in g) / len(g)) for g in groups]
