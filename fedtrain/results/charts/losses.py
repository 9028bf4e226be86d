"""A loss by round, a line for each participant."""

# pyright: basic
# (matplotlib's keyword arguments have no types)

from typing import TYPE_CHECKING, Literal

from fedtrain.results.charts.style import colour, drawing, titled, whole_rounds
from fedtrain.results.run_summary import RunSummary

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Which = Literal["train_loss", "validation_loss"]
_TITLES = {"train_loss": "training loss", "validation_loss": "validation loss after local training"}


def has_losses(summary: RunSummary, which: Which) -> bool:
    return any(getattr(one, which) is not None for round in summary.rounds for one in round.participants)


def losses_by_participant(summary: RunSummary, which: Which, width: float, height: float) -> "Figure":
    """Draw the losses of the updates that came in, aggregated or not. The page has the legend."""
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
                marker = "o" if len(points) <= 40 else ""
                axes.plot(rounds, values, color=colour(index), marker=marker, ms=3.5, mec="white", mew=0.7)
        whole_rounds(axes)
        titled(axes, _TITLES[which])
        return figure
