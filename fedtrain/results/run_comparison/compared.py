"""Several runs beside each other: results, and the fields of their files that differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fedtrain.contracts.headline_metric import headline, hub_measures
from fedtrain.results.best_round import best_point
from fedtrain.results.curve import Curve, curve
from fedtrain.results.measured_arms import MeasuredArm
from fedtrain.results.public_text import public_run
from fedtrain.results.run_comparison.differences import DifferentField, by_block, differences
from fedtrain.results.run_comparison.hub_rows import other_rows_warning
from fedtrain.results.run_summary import RunSummary
from fedtrain.results.tables import Table, legend
from fedtrain.results.words import count, duration, size

Arms = Mapping[str, MeasuredArm]
_NO_ARMS: Arms = {}
_SHOWN = 60
"""Characters of a value."""


@dataclass(frozen=True)
class ComparedRun:
    """Results of one run. `run`: its name, with its namespace or address where names repeat. `base`, `last`, `best`:
    values of the headline metric `metric`; `best_round`: the round of `best`. `trained`: samples that the steps of all
    aggregated updates processed, repeats included. `bytes_sent`: by participants. `seconds`: wall time, if known."""

    run: str
    phase: str
    rounds: int
    metric: str | None
    base: float | None
    last: float | None
    best: float | None
    best_round: int | None
    trained: int
    bytes_sent: int
    seconds: float | None


@dataclass(frozen=True)
class RunComparison:
    runs: tuple[ComparedRun, ...]
    differences: tuple[DifferentField, ...]


def compare_runs(
    summaries: Sequence[RunSummary], arms: Arms = _NO_ARMS, names: Sequence[str] | None = None
) -> RunComparison:
    """Compare runs in this order. `arms`: what `fedtrain baseline` has measured, by URL of a run. `names`: of the runs;
    without them `run_names`."""
    named, metric = zip(summaries, names or run_names(summaries), strict=True), shared_metric(summaries)
    runs = tuple(_run(summary, name, _curve(summary, arms, metric)) for summary, name in named)
    return RunComparison(runs, differences([summary.spec for summary in summaries]))


def run_names(summaries: Sequence[RunSummary]) -> list[str]:
    """Return the shortest of name, namespace/name and the differing part of the address that tells the runs apart."""
    choices = (*_names(summaries), short_addresses([summary.url for summary in summaries]))
    return next(filter(_tells_apart, choices), choices[-1])


def public_names(summaries: Sequence[RunSummary]) -> list[str]:
    """Return names that tell the runs apart without folders of this machine: as `run_names`, from the folder that has
    the storage, or with a number."""
    choices = (*_names(summaries), short_addresses([public_run(summary.url) for summary in summaries]))
    numbered = [f"{name} ({number})" for number, name in enumerate(choices[1], 1)]
    return next(filter(_tells_apart, choices), numbered)


def _names(summaries: Sequence[RunSummary]) -> tuple[list[str], list[str]]:
    return [one.name for one in summaries], [f"{one.namespace}/{one.name}" for one in summaries]


def _tells_apart(names: Sequence[str]) -> bool:
    return len(set(names)) == len(names)


def short_addresses(urls: Sequence[str]) -> list[str]:
    """Return the addresses without the folders that all have in common: `a/…/quickstart` and `b/…/quickstart`."""
    parts = [url.rstrip("/").split("/") for url in urls]
    shortest = min(map(len, parts))
    before = next((at for at in range(shortest) if len({one[at] for one in parts}) > 1), shortest)
    after = next((at for at in range(shortest - before) if len({one[-1 - at] for one in parts}) > 1), 0)
    if before == shortest:
        return list(urls)
    return [
        "/".join([*one[before : len(one) - after], *(["…", one[-1]] if after > 1 else one[len(one) - after :])])
        for one in parts
    ]


def tables(comparison: RunComparison, summaries: Sequence[RunSummary], arms: Arms = _NO_ARMS) -> list[Table]:
    """Return the results, a row each run, and the fields that differ. `summaries`: of these runs, in this order."""
    metric = shared_metric(summaries)
    rows = tuple(
        _cells(run, _curve(summary, arms, metric), arms.get(summary.url))
        for run, summary in zip(comparison.runs, summaries, strict=True)
    )
    head = ("run", "phase", "rounds", "metric", "round 0", "last", "best", "trained", "sent", "time")
    meanings = {
        "round 0, last, best": "the metric of the adapter after that round",
        "trained": "samples processed in the updates that counted, with repeats",
        "sent": "all updates of all participants",
        "time": "wall time of the run",
    }
    warning = other_rows_warning(summaries, [run.run for run in comparison.runs])
    text = f"{warning} {legend(meanings)}" if warning else legend(meanings)
    found = [Table("results", head, rows, left=2, legend=text)]
    if comparison.differences:
        head = ("field", *(run.run for run in comparison.runs))
        rows = tuple(
            (f"spec.{one.field}", *("unset" if value is None else _cut(value) for value in one.values))
            for one in by_block([summary.spec for summary in summaries])
        )
        found.append(Table("fields that differ", head, rows, left=len(head)))
    return found


def shared_metric(summaries: Sequence[RunSummary]) -> str | None:
    """Return the name of the first metric of the hub that all runs have, if their headline metrics differ; None if they
    are the same, and if no metric is shared."""
    measures = [hub_measures(summary.spec) for summary in summaries]
    if len({headline(some) for some in measures}) < 2:
        return None
    return next((one.name for one in measures[0] if all(one in others for others in measures[1:])), None)


def _curve(summary: RunSummary, arms: Arms, metric: str | None) -> Curve | None:
    """Return the run's metric by round; of an arm, what was measured before and after its only round."""
    arm = arms.get(summary.url)
    if arm is None or arm.value is None:
        return curve(summary, metric)
    start = () if arm.start is None else ((0, arm.start),)
    return Curve(arm.measure, (*start, (1, arm.value)), "the data of the comparison", rounds=1)


def _run(summary: RunSummary, name: str, shown: Curve | None) -> ComparedRun:
    best = best_point(shown) if shown else None
    participants = [one for round in summary.rounds for one in round.participants]
    return ComparedRun(
        run=name,
        phase=summary.phase,
        rounds=summary.rounds_done,
        metric=shown.measure.name if shown else None,
        base=shown.first if shown else None,
        last=shown.last if shown else None,
        best=best[1] if best else None,
        best_round=best[0] if best else None,
        trained=sum(one.trained or 0 for one in participants if one.state == "Aggregated"),
        bytes_sent=sum(one.bytes or 0 for one in participants),
        seconds=summary.wall_seconds,
    )


def _cells(run: ComparedRun, shown: Curve | None, arm: MeasuredArm | None) -> tuple[str, ...]:
    where = f" ({arm.on})" if arm and arm.on else ""

    def text(value: float | None) -> str:
        return shown.measure.text(value) if shown else "–"

    best = f"{text(run.best)} (round {run.best_round})" if run.best is not None else "–"
    return (
        run.run,
        run.phase,
        str(run.rounds),
        f"{run.metric}{where}" if run.metric else "–",
        text(run.base),
        text(run.last),
        best,
        count(run.trained),
        size(run.bytes_sent or None),
        duration(run.seconds),
    )


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
