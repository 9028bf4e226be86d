"""Whether the metrics of several runs are of the same held-out rows."""

from collections.abc import Sequence

from fedtrain.listing import listed
from fedtrain.results.chance import labels_of, rows_of
from fedtrain.results.run_summary import RunSummary


def other_rows_warning(summaries: Sequence[RunSummary], names: Sequence[str]) -> str:
    """Return a warning about runs whose hub has other rows than that of the first measured run, by their number and
    their labels; empty if none is known. The ledger has no digest of the hub's rows. `names`: of the runs."""
    facts = [(name, rows_of(one), labels_of(one)) for one, name in zip(summaries, names, strict=True)]
    measured = [(name, rows, labels) for name, rows, labels in facts if rows is not None]
    if not measured:
        return ""
    first, rows, labels = measured[0]
    others = [
        name
        for name, its_rows, its_labels in measured[1:]
        if its_rows != rows or (labels is not None and its_labels is not None and its_labels != labels)
    ]
    if not others:
        return ""
    return f"Do not compare the metrics of {listed(others)} with those of {first}: the hub measured them on other rows."
