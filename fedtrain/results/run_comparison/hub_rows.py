"""Whether the metrics of several runs are of the same held-out rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from fedtrain.contracts.answer_labels import AnswerLabels
from fedtrain.contracts.record_fields import Digest
from fedtrain.listing import listed
from fedtrain.results.chance import labels_of, rows_of
from fedtrain.results.held_out_rows import digest_of_hub_rows
from fedtrain.results.run_summary import RunSummary


@dataclass(frozen=True)
class _HubRows:
    """What is known about the held-out rows of a run. `digest`, `labels`: None if not recorded, so not compared."""

    name: str
    count: int
    digest: Digest | None
    labels: AnswerLabels | None

    def differ(self, other: "_HubRows") -> bool:
        """Whether the rows are known to be others than those of the other run."""
        pairs = ((self.digest, other.digest), (self.labels, other.labels))
        return self.count != other.count or any(None not in pair and pair[0] != pair[1] for pair in pairs)


def other_rows_warning(summaries: Sequence[RunSummary], names: Sequence[str]) -> str:
    """Return a warning about runs whose hub has other rows than that of the first measured run, by their number, digest
    and labels; empty if none is known. `names`: of the runs."""
    measured = [
        _HubRows(name, count, digest_of_hub_rows(summary), labels_of(summary))
        for summary, name in zip(summaries, names, strict=True)
        if (count := rows_of(summary)) is not None
    ]
    if not measured:
        return ""
    first = measured[0]
    others = [one for one in measured[1:] if one.differ(first)]
    if not others:
        return ""
    what = "as many rows, but other ones" if all(one.count == first.count for one in others) else "other rows"
    return (
        f"Do not compare the metrics of {listed([one.name for one in others])} with those of {first.name}: the hub "
        f"measured them on {what}."
    )
