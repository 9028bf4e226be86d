"""One look for all charts, and their way into HTML and PNG."""

# pyright: basic
# (matplotlib's keyword arguments have no types)

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from fedtrain.palette import TONES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

INK = "#1f2430"
MUTED = TONES["muted"].light
GRID = "#e7e9ef"
BASE = "#9aa1ad"
FEDERATED = TONES["active"].light
FEDERATED_SOFT = "#8fb3f5"
"""Beside FEDERATED."""
POOLED = TONES["good"].light
PARTICIPANTS = ("#e0702f", "#8b57c9", "#1c93b8", "#c2396b", "#a98308", "#5b7f3a", "#7a5548", "#c75bb0")
"""Colours of the first participants; the others share the last one."""
PHASES = {
    "measuring": FEDERATED_SOFT,
    "training": FEDERATED,
    "preparing": "#c9bdf0",
    "exchanging": "#e0a458",
    "aggregating": POOLED,
    "evaluating": "#7fcbb5",
    "starting": "#b8b2a7",
    "idle": "#e3e5ea",
}

_SOFTWARE = "fedtrain"
"""Names the program in the metadata of a PNG."""
_SETTINGS: Any = {
    "font.family": "sans-serif",
    "font.sans-serif": ["Inter", "Helvetica Neue", "Arial", "Liberation Sans", "DejaVu Sans"],
    "font.size": 10.0,
    "text.color": INK,
    "axes.edgecolor": "#c4c8d2",
    "axes.labelcolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.9,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "legend.fontsize": 9.0,
    "svg.fonttype": "none",
    "figure.facecolor": "white",
    "figure.constrained_layout.w_pad": 0.08,
    "figure.constrained_layout.h_pad": 0.08,
}


_THEMED = {
    FEDERATED: "--active",
    FEDERATED_SOFT: "--active-soft",
    PHASES["idle"]: "--line",
    INK: "--ink",
    MUTED: "--muted",
    GRID: "--line",
    "#c4c8d2": "--axis",
    "#c9cede": "--axis",
    "#ffffff": "--page",
}
"""Colours that follow the page's light or dark look, with the CSS variables that hold them."""


def colour(index: int) -> str:
    """The colour of the participant at this position in the file."""
    return PARTICIPANTS[min(index, len(PARTICIPANTS) - 1)]


@contextmanager
def drawing(width: float, height: float) -> Iterator["tuple[Figure, Axes]"]:
    """A figure of this many inches with one axes, in the common look; without pyplot, so that no window system and no
    global state is touched."""
    import logging

    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # do not report missing fonts
    with rc_context(_SETTINGS):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        yield figure, figure.add_subplot()


def titled(axes: "Axes", title: str) -> None:
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", pad=11)


def whole_rounds(axes: "Axes") -> None:
    """The x axis counts rounds."""
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel("round")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, nbins=9))


def percentages(axis: "Axis") -> None:
    """Shares as percentages, with as many digits as the steps between them need."""
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    axis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10], nbins=8))
    axis.set_major_formatter(PercentFormatter(1.0, decimals=None))


def shares_between(low: float, high: float) -> list[float]:
    """Return a few round shares of an axis from `low` to `high`, whose ends may lie outside of 0 and 1."""
    from matplotlib.ticker import MaxNLocator

    ticks = MaxNLocator(steps=[1, 2, 5, 10], nbins=5).tick_values(low, high)
    return [float(tick) for tick in ticks if max(low, 0.0) <= tick <= min(high, 1.0)]


def svg(draw: Callable[[], "Figure"], name: str) -> str:
    """The figure as SVG to be put into HTML: no header, no metadata, scalable, its ids begin with `name`."""
    from matplotlib import rc_context

    with rc_context({**_SETTINGS, "svg.hashsalt": name}):
        figure, out = draw(), io.StringIO()
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:xlink)?="[^"]*"', "", text).replace("xlink:href", "href")
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'(href="#|url\(#)', rf"\1{name}-", text)
    text = re.sub(r'^<svg ([^>]*?)width="[^"]*"', r"<svg \1", text)
    text = re.sub(r'^<svg ([^>]*?)height="[^"]*"', r'<svg aria-hidden="true" \1', text).strip()
    return re.sub("|".join(_THEMED), lambda found: f"var({_THEMED[found[0]]})", text)


def png(draw: Callable[[], "Figure"]) -> bytes:
    """The figure as a PNG, twice as dense as a screen."""
    from matplotlib import rc_context

    with rc_context(_SETTINGS):
        figure, out = draw(), io.BytesIO()
        figure.savefig(out, format="png", dpi=200, metadata={"Software": _SOFTWARE})
    return out.getvalue()


def is_picture(content: bytes) -> bool:
    """Whether the content is a PNG that `png` wrote."""
    return content.startswith(b"\x89PNG") and f"Software\0{_SOFTWARE}".encode() in content
