"""A loss by round, a line a participant."""

# pyright: basic
# (matplotlib's keyword arguments have no types)

from typing import TYPE_CHECKING, Literal

from fedtrain.results.charts.style import colour, drawing, titled, whole_rounds
from fedtrain.results.run_summary import RunSummary

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Which = Literal["train_loss", "validation_loss"]
_TITLES = {"train_loss": "training loss", "validation_loss": "validation loss after local training"}
_NAMED = 8


def has_losses(summary: RunSummary, which: Which) -> bool:
    return any(getattr(one, which) is not None for round in summary.rounds for one in round.participants)


def losses_by_participant(summary: RunSummary, which: Which, width: float, height: float) -> "Figure":
    """Of the updates that came in, aggregated or not."""
    who = [participant.name for participant in summary.spec.participants]
    with drawing(width, height) as (figure, axes):
        for index, name in enumerate(who):
            points = [
                (round.number, value)
                for round in summary.rounds
                for one in round.participants
                if one.participant == name and (value := getattr(one, which)) is not None
            ]
            if points:
                rounds, values = zip(*points, strict=True)
                label = name if index < _NAMED else "others" if index == _NAMED else None
                marker = "o" if len(points) <= 40 else ""
                axes.plot(rounds, values, color=colour(index), label=label, marker=marker, ms=3.5, mec="white", mew=0.7)
        whole_rounds(axes)
        titled(axes, _TITLES[which])
        columns = min(len(who), 3 if max(map(len, who)) > 10 else 4)
        figure.legend(loc="outside lower left", ncols=columns, handlelength=1.2, columnspacing=1.4)
        return figure
