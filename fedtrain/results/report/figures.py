"""The report's charts, sized for a phone. The first chart also has a wide version for screens and paper."""

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from fedtrain.contracts.headline_metric import Measure
from fedtrain.listing import listed
from fedtrain.results.charts.gains import gains, gains_by_participant
from fedtrain.results.charts.losses import Which, has_losses, losses_by_participant
from fedtrain.results.charts.metric import metric_by_round
from fedtrain.results.charts.privacy import epsilon_by_round, signal_to_noise_by_round
from fedtrain.results.charts.steps import loss_by_step
from fedtrain.results.charts.style import PARTICIPANTS, colour, svg
from fedtrain.results.charts.time_and_bytes import bytes_by_round, time_by_round
from fedtrain.results.comparison import Comparison
from fedtrain.results.curve import Curve
from fedtrain.results.run_summary import RunSummary
from fedtrain.results.time_use import TimeUse

_WIDTH, _HEIGHT = 4.6, 3.0
"""Inches. With 10-point text, charts are legible on a phone, and two fit side by side on a screen."""


@dataclass(frozen=True)
class Figure:
    """A chart as SVG. `alt` says in words what it shows; `kind` is its CSS class."""

    svg: Markup
    alt: str
    kind: str = ""


def metric_figures(shown: Curve, comparison: Comparison | None, participants: list[str]) -> list[Figure]:
    """The same chart for wide and for narrow screens."""
    measure = shown.measure
    values = listed([f"{measure.text(value)} after round {round}" for round, value in shown.points])
    rejected = "".join(f" {measure.text(value)} in round {round}, rolled back." for round, value in shown.rejected)
    alt = f"{measure.name} on {shown.where} by round: {values}.{rejected}"
    wide = svg(lambda: metric_by_round(shown, comparison, participants, 8.6, 3.9), "metric-wide")
    narrow = svg(lambda: metric_by_round(shown, comparison, participants, 4.6, 3.9), "metric-narrow")
    return [Figure(Markup(wide), alt, "wide"), Figure(Markup(narrow), alt, "narrow")]


def loss_figures(summary: RunSummary, steps: Mapping[str, list[tuple[int, float]]]) -> list[Figure]:
    """`steps`: (step, training loss) by participant."""
    kinds: tuple[Which, ...] = ("train_loss", "validation_loss")
    found: list[Figure] = []
    for which in kinds:
        if has_losses(summary, which):
            name = which.replace("_", " ")
            drawn = svg(lambda which=which: losses_by_participant(summary, which, _WIDTH, _HEIGHT), which)
            found.append(Figure(Markup(drawn), f"{name} of every participant by round"))
    if steps:
        who = [participant.name for participant in summary.spec.participants]
        drawn = svg(lambda: loss_by_step(steps, who, _WIDTH, _HEIGHT), "loss-by-step")
        found.append(Figure(Markup(drawn), "training loss of every participant by step of the run"))
    return found


def privacy_figures(summary: RunSummary) -> list[Figure]:
    """Charts of epsilon and of signal to noise; none without `spec.privacy`, or with noise that hides nothing."""
    loss = summary.privacy
    if loss is None or not loss.private:
        return []
    spent = [f"{round.epsilon:.3g} after round {round.number}" for round in summary.rounds if round.epsilon is not None]
    drawn = svg(lambda: epsilon_by_round(summary, _WIDTH, _HEIGHT), "epsilon")
    found = [Figure(Markup(drawn), f"epsilon by round, of {loss.budget:g} ({loss.terms_in_short}): {listed(spent)}")]
    ratios = [
        f"{round.signal_to_noise:.3g} in round {round.number}"
        for round in summary.rounds
        if round.signal_to_noise is not None
    ]
    if ratios:
        drawn = svg(lambda: signal_to_noise_by_round(summary, _WIDTH, _HEIGHT), "signal-to-noise")
        signal = "signal to noise of a step's gradient" if loss.unit == "Example" else "signal to noise"
        found.append(Figure(Markup(drawn), f"{signal} by round: {listed(ratios)}"))
    return found


def legend(participants: list[str]) -> list[tuple[str, str]]:
    """Return (name, colour) of the participants; those that share the last colour are one entry."""
    named = [(name, colour(index)) for index, name in enumerate(participants[: len(PARTICIPANTS)])]
    others = len(participants) - len(PARTICIPANTS)
    return [*named[:-1], (f"{others + 1} others", named[-1][1])] if others > 0 else named


def gain_figures(comparison: Comparison, hub: Measure | None, own: Measure, participants: list[str]) -> list[Figure]:
    found: list[Figure] = []
    if hub is not None and (values := gains(comparison, hub, at_hub=True)):
        title = "on the hub's data"
        drawn = svg(lambda: gains_by_participant(values, hub, participants, title, _WIDTH), "gains-hub")
        found.append(Figure(Markup(drawn), f"{hub.name} {title}, from alone to federated: {_in_words(values, hub)}"))
    if on_own := gains(comparison, own, at_hub=False):
        title = "on its own validation split"
        drawn = svg(lambda: gains_by_participant(on_own, own, participants, title, _WIDTH), "gains-own")
        found.append(Figure(Markup(drawn), f"{own.name} {title}, from alone to federated: {_in_words(on_own, own)}"))
    return found


def time_figure(found: list[TimeUse]) -> Figure:
    drawn = svg(lambda: time_by_round(found, _WIDTH, _HEIGHT + 0.6), "time")
    return Figure(Markup(drawn), "seconds of all workers by round and phase")


def bytes_figure(summary: RunSummary) -> Figure:
    drawn = svg(lambda: bytes_by_round(summary, _WIDTH, _HEIGHT + 0.6), "bytes")
    return Figure(Markup(drawn), "bytes fetched and sent by round")


def _in_words(values: list[tuple[str, float, float]], measure: Measure) -> str:
    return "; ".join(f"{who} {measure.text(before)} to {measure.text(after)}" for who, before, after in values)
