"""How much a value of a metric means: by the number of held-out rows, and by the labels that it chooses among."""

from math import sqrt

from fedtrain.contracts.answer_labels import AnswerLabels
from fedtrain.contracts.headline_metric import Measure, hub_measure, own_choices
from fedtrain.plurals import several
from fedtrain.results.comparison import Comparison
from fedtrain.results.run_summary import RoundSummary, RunSummary
from fedtrain.rounds.decision import FINISHED


def rows_of(summary: RunSummary) -> int | None:
    """Return the number of the hub's held-out rows, if they were measured."""
    return next((round.samples for round in reversed(summary.rounds) if round.samples), None)


def labels_of(summary: RunSummary) -> AnswerLabels | None:
    """Return what the metric Choices compares at the hub, if it was measured."""
    return next((round.labels for round in reversed(summary.rounds) if round.labels), None)


def standard_error(measure: Measure, value: float, rows: int | None) -> float | None:
    """Return that of a share of `rows` rows; None for a loss."""
    return sqrt(value * (1 - value) / rows) if measure.share and rows and 0 <= value <= 1 else None


def difference_note(measure: Measure, one: float, other: float, rows: int | None) -> str:
    """Return that a difference is below two standard errors; empty if it is not, or not known. The error is that of
    two independent samples, an upper estimate for two adapters that are alike on the same rows."""
    errors = [error for value in (one, other) if (error := standard_error(measure, value, rows)) is not None]
    if len(errors) < 2 or rows is None:
        return ""
    error = sqrt(sum(each**2 for each in errors))
    if abs(one - other) >= 2 * error:
        return ""
    return f"may be chance, as the standard error of a difference is {error * 100:.1f} points on {several(rows, 'row')}"


def best_alone_note(comparison: Comparison, measure: Measure, rows: int | None) -> str:
    """Return `difference_note` of the federated adapter and the best participant alone; empty if one was not
    measured."""
    arms = (comparison.arm("Federated"), comparison.best_alone(measure))
    ours, theirs = (None if arm is None else arm.value(measure) for arm in arms)
    return "" if ours is None or theirs is None else difference_note(measure, ours, theirs, rows)


def labels_note(summary: RunSummary) -> str:
    """Return what the metric Choices chooses among; empty without such a metric at the hub."""
    labels, names = labels_of(summary), _choices(summary)
    if labels is None or not names:
        return ""
    text = (
        f"{names[0]} at the hub: a choice among {labels.count} labels; always answering with the most common one gives "
        f"{labels.commonest:.1%}"
    )
    if own_choices(summary.spec):
        return f"{text}. At a participant: a choice among the labels of its own rows only. Do not compare the two"
    return text


def guess_warning(summary: RunSummary) -> str:
    """Return that the adapter of a finished run is hardly better than one answer for all rows, and what to change; else
    empty."""
    if summary.phase not in FINISHED or not summary.rounds_done:
        return ""
    guess = guess_text(summary, summary.made_adapter_of(summary.rounds_done))
    if guess and (rise := _rise_of_loss(summary)):
        return (
            f"{guess}, and {rise}. A learning rate is probably too high: under another `metadata.name`, try a lower "
            f"`{_RATES.get(summary.spec.aggregation.strategy, 'training.learningRate')}`"
        )
    return guess and (
        f"{guess}. `rounds.count: {summary.spec.rounds.count}` may be too few: under another `metadata.name`, train "
        "three times as many, or try a higher learning rate or another base model"
    )


_RATES = {
    name: f"aggregation.{name[0].lower()}{name[1:]}.serverLearningRate` or `training.learningRate"
    for name in ("FedAvgM", "FedAdam", "FedAdagrad", "FedYogi")
}
"""Learning rates by strategy, if there are two."""


def _rise_of_loss(summary: RunSummary) -> str:
    """Return by how much the hub's loss rose in the run; empty if it did not, or was not measured."""
    hub = summary.spec.evaluation.hub
    first, last = summary.rounds[0].metrics, summary.made_adapter_of(summary.rounds_done).metrics
    for metric in hub.metrics if hub is not None else ():
        measure = hub_measure(summary.spec, metric.name)
        if (
            metric.type in ("Loss", "Perplexity")
            and measure is not None
            and metric.name in first
            and metric.name in last
        ):
            before, after = first[metric.name], last[metric.name]
            if after > before:
                return f"{metric.name} rose from {measure.text(before)} to {measure.text(after)}"
    return ""


def guess_text(summary: RunSummary, round: RoundSummary) -> str:
    """Return that the adapter that a round made is hardly better than one answer for all rows; else empty."""
    names = _choices(summary)
    measure = hub_measure(summary.spec, names[0]) if names else None
    value, labels = round.metrics.get(names[0]) if names else None, round.labels
    if measure is None or value is None or labels is None:
        return ""
    error = standard_error(measure, labels.commonest, round.samples) or 0.0
    if value >= labels.commonest + error:
        return ""
    how = "hardly" if value > labels.commonest else "not"
    return (
        f"{measure.name} {measure.text(value)} is {how} better than always the same answer: the most common of the "
        f"{labels.count} labels alone gives {measure.text(labels.commonest)}"
    )


def _choices(summary: RunSummary) -> list[str]:
    """Return the names of the hub's metrics of type Choices."""
    hub = summary.spec.evaluation.hub
    return [metric.name for metric in hub.metrics if metric.type == "Choices"] if hub else []
