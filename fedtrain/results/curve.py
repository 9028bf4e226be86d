"""The headline metric by round, and a summary sentence."""

from dataclasses import dataclass

from fedtrain.contracts.headline_metric import Measure, headline, hub_measure, hub_measures, own_measures
from fedtrain.plurals import several
from fedtrain.results.chance import best_alone_note, rows_of
from fedtrain.results.comparison import Comparison
from fedtrain.results.run_summary import RunSummary
from fedtrain.results.start_of_run import start_label, start_text


@dataclass(frozen=True)
class Curve:
    """A metric by round, of the adapters that were accepted. `where`: the data that it was measured on, in words.
    `start`: label of round 0. `rejected`: values of adapters that were rejected. `rounds`: the last recorded round."""

    measure: Measure
    points: tuple[tuple[int, float], ...]
    where: str
    start: str = "base"
    rejected: tuple[tuple[int, float], ...] = ()
    rounds: int = 0

    @property
    def first(self) -> float | None:
        """The value of round 0, if it was measured."""
        return self.points[0][1] if self.points and self.points[0][0] == 0 else None

    @property
    def last(self) -> float:
        return self.points[-1][1]


def curve(summary: RunSummary, name: str | None = None) -> Curve | None:
    """Return the hub's headline metric by round; without a hub, the mean over the participants. None if no metric was
    measured. `name`: of another metric of the hub."""
    measure = headline(hub_measures(summary.spec)) if name is None else hub_measure(summary.spec, name)
    if measure is not None:
        points = tuple(
            (round.number, round.metrics[measure.name]) for round in summary.recorded if measure.name in round.metrics
        )
        rows = rows_of(summary)
        where = f"the hub's {several(rows, 'held-out row')}" if rows else "the hub's held-out data"
        if points:
            rejected = tuple(
                (round.number, round.rejected[measure.name])
                for round in summary.recorded
                if measure.name in round.rejected
            )
            return Curve(measure, points, where, start_label(summary.spec), rejected, summary.rounds_done)
    measure = headline(own_measures(summary.spec))
    if measure is None:
        return None
    means: list[tuple[int, float]] = []
    for round in summary.recorded:
        values = [metrics[measure.name] for metrics in round.measured.values() if measure.name in metrics]
        if values:
            means.append((round.number, sum(values) / len(values)))
    where = "the participants' own validation splits, on average"
    if not means:
        return None
    return Curve(measure, tuple(means), where, start_label(summary.spec), rounds=summary.rounds_done)


def sentence(summary: RunSummary, comparison: Comparison | None) -> str:
    """Return the result in one sentence, for the top of the report."""
    shown = curve(summary)
    who = several(len(summary.spec.participants), "participant")
    done = several(summary.rounds_done, "round")
    if shown is None or summary.rounds_done == 0:
        return f"{who} trained one adapter for {done}." if summary.rounds_done else f"No round is recorded yet ({who})."
    measure = shown.measure
    text = f"After {done}, {who} share one adapter with {measure.text(shown.last)} {measure.name} on {shown.where}"
    if (round := measured_after(summary, shown)) is not None:
        text += f" (measured after round {round})"
    if shown.first is not None:
        text += f"; the {start_text(summary.spec)} has {measure.text(shown.first)}"
    return text + "." + (_gain(comparison, measure, rows_of(summary)) if comparison else "")


def measured_after(summary: RunSummary, shown: Curve) -> int | None:
    """Return the round of the last value if a later round made the adapter; None if it is the adapter's value."""
    last = shown.points[-1][0]
    return last if last < summary.made_adapter_of(summary.rounds_done).number else None


def _gain(comparison: Comparison, measure: Measure, rows: int | None) -> str:
    times, best = comparison.times_best_alone(measure), comparison.best_alone(measure)
    if times is None or best is None:
        return ""
    value, beats = measure.text(best.value(measure)), comparison.beats_best_alone(measure)
    note = best_alone_note(comparison, measure, rows) if beats is not None else ""
    alone = f"{best.participant}, {value}{f'; {note}' if note else ''}"
    text = f" That {_than(times, measure, beats)} what the best participant reaches alone ({alone})"
    share = comparison.share_of_pooled_gain(measure)
    return text + (f", and {share:.0%} of what pooling all data would gain." if share is not None else ".")


def _than(times: float, measure: Measure, beats: bool | None) -> str:
    if beats is None:
        return "equals"
    if not beats:
        return "is worse than"
    return f"is {times:.2f} times" if measure.share else f"is {times:.2f} times better than"
