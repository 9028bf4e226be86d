"""Labels beside the ends of lines, moved apart so that none covers another."""

# pyright: basic
# (matplotlib's keyword arguments have no types)

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Label:
    """`text` for the line that ends at `y`, in data coordinates."""

    y: float
    text: str
    colour: str
    bold: bool = False


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places as near to the wanted ones as it goes, in the same order, at least `gap` apart and between `low` and
    `high` (if they fit there)."""
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    placed = [wanted[index] for index in order]
    for _ in range(100):
        moved = False
        for lower in range(len(placed) - 1):
            lack = gap - (placed[lower + 1] - placed[lower])
            if lack > 1e-9:
                placed[lower] -= lack / 2
                placed[lower + 1] += lack / 2
                moved = True
        if not moved:
            break
    if placed:
        shift = max(0.0, low - placed[0]) - max(0.0, placed[-1] - high)
        placed = [place + shift for place in placed]
    places = [0.0] * len(wanted)
    for place, index in zip(placed, order, strict=True):
        places[index] = place
    return places


def label_ends(axes: "Axes", x: float, labels: Sequence[Label], gap: float) -> None:
    """Writes the labels right of the axes; thin lines lead to them from (x, y). `gap`: least distance of two labels,
    as a share of the axes' height."""
    low, high = axes.get_ylim()
    height = high - low
    places = spread([label.y for label in labels], gap * height, low, high)
    for label, place in zip(labels, places, strict=True):
        axes.annotate(
            label.text,
            xy=(x, label.y),
            xytext=(1.035, (place - low) / height),
            xycoords=("data", "data"),
            textcoords="axes fraction",
            color=label.colour,
            fontweight="bold" if label.bold else "normal",
            fontsize=9.5,
            va="center",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": label.colour,
                "lw": 0.6,
                "alpha": 0.6,
                "shrinkA": 2,
                "shrinkB": 1,
                "relpos": (0.0, 0.5),
            },
        )
