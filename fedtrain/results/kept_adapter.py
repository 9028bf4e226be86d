"""Rounds that ended with the adapter of an earlier one, and the words for them that all commands use."""

from collections.abc import Sequence

from fedtrain.contracts.headline_metric import Measure
from fedtrain.listing import listed
from fedtrain.plurals import form
from fedtrain.results.run_summary import RoundSummary, RunSummary

_HOW = {"RolledBack": "rolled back", "Skipped": "skipped"}


def rollback_text(round: RoundSummary) -> str:
    """`round 5 was rolled back: why`; empty for other rounds."""
    return f"round {round.number} was rolled back: {round.reason}" if round.outcome == "RolledBack" else ""


def rollback_texts(rounds: Sequence[RoundSummary]) -> list[str]:
    return [text for round in rounds if (text := rollback_text(round))]


def rolled_back_text(rounds: Sequence[RoundSummary]) -> str:
    """Return one line about all rounds that were rolled back, with the reason of the last; empty without any."""
    back = [round for round in rounds if round.outcome == "RolledBack"]
    if len(back) < 2:
        return "".join(rollback_texts(back))
    return f"{_named(back)} were rolled back, the last because {back[-1].reason}"


def metric_texts(round: RoundSummary, measures: Sequence[Measure]) -> list[str]:
    """Return the round's metrics; in parentheses those of an adapter that was rejected."""
    if round.outcome == "RolledBack":
        values = ((measure, round.rejected.get(measure.name)) for measure in measures)
        return ["–" if value is None else f"({measure.text(value)})" for measure, value in values]
    return [measure.text(round.metrics.get(measure.name)) for measure in measures]


def kept_text(summary: RunSummary, asked: int | None, made: RoundSummary) -> str:
    """Return why the adapter after the round that the user asked for is that of the round `made`, an earlier one;
    empty if it is not. `asked`: None for the newest."""
    if asked == made.number:
        return ""
    kept = summary.kept_adapter_of(made)
    rounds = kept if asked is None else [round for round in kept if round.number == asked]
    parts: list[str] = []
    for outcome, how in _HOW.items():
        found = [round for round in rounds if round.outcome == outcome]
        why = f" ({found[0].reason})" if asked is not None and found and found[0].reason else ""
        if found:
            parts.append(f"{_named(found)} {form(len(found), 'was', 'were')} {how}{why}")
    return f"{', '.join(parts)}; this is the adapter of round {made.number}" if parts else ""


def _named(rounds: Sequence[RoundSummary]) -> str:
    return f"{form(len(rounds), 'round', 'rounds')} {listed([str(round.number) for round in rounds])}"
