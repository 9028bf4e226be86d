"""The hub's held-out rows, by the digest that its evaluations record."""

from itertools import pairwise

from fedtrain.contracts.record_fields import Digest
from fedtrain.listing import listed
from fedtrain.results.chance import guess_warning
from fedtrain.results.run_summary import RunSummary


def digest_of_hub_rows(summary: RunSummary) -> Digest | None:
    """Return the digest of the rows of the newest evaluation; None if it was not recorded."""
    return next((round.rows for round in reversed(summary.rounds) if round.rows), None)


def changed_rows_text(summary: RunSummary) -> str:
    """Return before which rounds the rows changed, so that metrics are not comparable; empty if they did not."""
    evaluated = [(round.number, round.rows) for round in summary.rounds if round.rows]
    changes = [f"round {number}" for (_, before), (number, rows) in pairwise(evaluated) if rows != before]
    if not changes:
        return ""
    return (
        f"the hub's held-out rows changed before {listed(changes)}: do not compare the metrics of earlier rounds with "
        "those of later ones"
    )


def metric_warning(summary: RunSummary) -> str:
    """Return what makes the hub's metrics useless; empty if nothing is known."""
    return ". ".join(text for text in (changed_rows_text(summary), guess_warning(summary)) if text)
