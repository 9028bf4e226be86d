"""Where time and bytes went, a column a round."""

# pyright: basic
# (matplotlib's keyword arguments have no types)

import math
from typing import TYPE_CHECKING

from fedtrain.results.charts import style
from fedtrain.results.run_summary import RoundSummary, RunSummary
from fedtrain.results.time_use import PHASES, TimeUse

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def time_by_round(found: list[TimeUse], width: float, height: float) -> "Figure":
    """Worker-seconds, stacked by phase."""
    with style.drawing(width, height) as (figure, axes):
        rounds = [use.round for use in found]
        under = [0.0] * len(found)
        for phase in PHASES:
            values = [use.seconds[phase] for use in found]
            if any(values):
                _columns(axes, rounds, values, under, style.PHASES[phase], phase)
                under = [low + value for low, value in zip(under, values, strict=True)]
        style.titled(axes, "seconds of all workers by round")
        _finish(figure, axes)
        return figure


def bytes_of(round: RoundSummary, adapter_bytes: int | None) -> tuple[int, int]:
    """Bytes that participants fetched (the global adapter, one each) and sent (their updates) in a round."""
    sent = sum(one.bytes or 0 for one in round.participants)
    return len(round.participants) * (adapter_bytes or 0), sent


def bytes_by_round(summary: RunSummary, width: float, height: float) -> "Figure":
    """Bytes on the wire without compression or protocol overhead, by direction."""
    from matplotlib.ticker import FuncFormatter

    from fedtrain.results.words import size

    with style.drawing(width, height) as (figure, axes):
        rounds = [round.number for round in summary.rounds if round.participants]
        moved = [bytes_of(round, summary.adapter_bytes) for round in summary.rounds if round.participants]
        fetched, sent = [float(a) for a, _ in moved], [float(b) for _, b in moved]
        _columns(axes, rounds, fetched, [0.0] * len(rounds), style.FEDERATED_SOFT, "fetched: the global adapter")
        _columns(axes, rounds, sent, fetched, style.FEDERATED, "sent: updates")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: size(value) if value else "0"))
        style.titled(axes, "bytes by round")
        _finish(figure, axes)
        return figure


def _columns(axes: "Axes", x: list[int], values: list[float], under: list[float], colour: str, label: str) -> None:
    axes.bar(x, values, bottom=under, width=0.72, color=colour, label=label, edgecolor="white", linewidth=0.4)


def _finish(figure: "Figure", axes: "Axes") -> None:
    style.whole_rounds(axes)
    low, high = axes.get_xlim()
    if high - low < 5:
        first, last = math.ceil(low), math.floor(high)
        axes.set_xticks(range(first, last + 1))  # no ticks beside the bars
        axes.set_xlim((low + high) / 2 - 2.5, (low + high) / 2 + 2.5)
    figure.legend(loc="outside lower left", ncols=3, handlelength=1.0, handleheight=1.0, columnspacing=1.4)
