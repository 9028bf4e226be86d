"""Gain of each participant: from its adapter trained alone to the federated adapter."""

# pyright: basic
# (matplotlib's keyword arguments have no types)

from typing import TYPE_CHECKING

from fedtrain.contracts.headline_metric import Measure
from fedtrain.results.charts.style import FEDERATED, INK, MUTED, colour, drawing, shares_between, titled
from fedtrain.results.comparison import Comparison

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def gains(comparison: Comparison, measure: Measure, at_hub: bool) -> list[tuple[str, float, float]]:
    """Return (participant, alone, federated) on the hub's data, or on the participant's validation split."""
    federated, found = comparison.arm("Federated"), list[tuple[str, float, float]]()
    for arm in comparison.alone:
        who = arm.participant or ""
        before = (arm.hub if at_hub else arm.own.get(who, {})).get(measure.name)
        after = (
            None if federated is None else (federated.hub if at_hub else federated.own.get(who, {})).get(measure.name)
        )
        if before is not None and after is not None:
            found.append((who, before, after))
    return found


def gains_by_participant(
    found: list[tuple[str, float, float]], measure: Measure, participants: list[str], title: str, width: float
) -> "Figure":
    """Draw one line per participant, from alone (its colour) to federated."""
    with drawing(width, 1.25 + 0.42 * len(found)) as (figure, axes):
        low = min(min(before, after) for _, before, after in found)
        high = max(max(before, after) for _, before, after in found)
        room = (high - low) or 1.0
        for line, (who, before, after) in enumerate(found):
            tone = colour(participants.index(who) if who in participants else 0)
            axes.plot([before, after], [line, line], color="#c9cede", lw=3, zorder=2)
            axes.scatter([before], [line], color=tone, s=52, zorder=3, edgecolor="white", linewidth=1)
            axes.scatter([after], [line], color=FEDERATED, s=62, zorder=4, edgecolor="white", linewidth=1)
            right = after >= before
            for value, outside, tint in ((before, not right, tone), (after, right, FEDERATED)):
                side, place = ("left", 1) if outside else ("right", -1)
                axes.annotate(
                    measure.text(value), (value, line), (7 * place, 0), textcoords="offset points", ha=side,
                    va="center", fontsize=9, color=tint,
                )  # fmt: skip
        axes.set_yticks(range(len(found)), [who for who, _, _ in found], color=INK)
        axes.set_ylim(len(found) - 0.5, -0.6)
        axes.set_xlim(low - 0.22 * room, high + 0.22 * room)
        axes.grid(visible=False)
        axes.grid(visible=True, axis="x")
        if measure.share:
            ticks = shares_between(*axes.get_xlim())
            axes.set_xticks(ticks, [f"{100 * tick:.4g}%" for tick in ticks])
        axes.set_xlabel(f"{measure.name}, {measure.direction}", color=MUTED)
        titled(axes, title)
        return figure
