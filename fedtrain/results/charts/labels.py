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
    """The places nearest to the wanted ones (least squares) that keep their order, are at least `gap` apart and lie
    between `low` and `high`; beyond `high` only when there is no room.

    Without its share of the gaps, place i - i * gap may only grow with i: an isotonic regression, which pooling
    adjacent violators solves (Ayer et al. 1955); bounds clip it."""
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    blocks: list[tuple[float, int]] = []  # mean and length
    for rank, index in enumerate(order):
        mean, length = wanted[index] - rank * gap, 1
        while blocks and blocks[-1][0] > mean:
            before, many = blocks.pop()
            mean, length = (before * many + mean * length) / (many + length), many + length
        blocks.append((mean, length))
    top = max(low, high - (len(wanted) - 1) * gap)
    means = [min(max(mean, low), top) for mean, length in blocks for _ in range(length)]
    places = [0.0] * len(wanted)
    for rank, index in enumerate(order):
        places[index] = means[rank] + rank * gap
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
