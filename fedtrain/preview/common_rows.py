"""Rows that are in a data set twice, in both splits of a participant, or in several data sets."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from fedtrain.api.data import Data
from fedtrain.plurals import several
from fedtrain.preview.checked_rows import HUB, CheckedRows, owner


def repeated_rows(one: CheckedRows) -> tuple[int, str, str] | None:
    """Return the number of rows that repeat an earlier row, and the first of them with that row."""
    first_at: dict[bytes, int] = {}
    later = [(at, first) for at, digest in enumerate(one.digests) if (first := first_at.setdefault(digest, at)) != at]
    if not later:
        return None
    at, first = later[0]
    return len(later), one.places[at], one.places[first]


def in_both_splits(one: CheckedRows, data: Data, seed: int) -> tuple[int, str]:
    """Return the number of validation rows that are also training rows, and how those that are not identical differ; 0
    if not all rows were read."""
    if one.who == HUB or not one.complete or one.faults or len(set(one.normalized)) == one.rows:
        return 0, ""
    from fedtrain.partitioning import split_indices, stream_of  # imports numpy, which takes a while

    train, validation = split_indices(one.rows, data.validation_fraction, seed, stream_of(one.who, one.dataset))
    trained = {one.normalized[int(at)] for at in train}
    leaked = [int(at) for at in validation if one.normalized[int(at)] in trained]
    identical = {one.digests[int(at)] for at in train}
    return len(leaked), _differing(sum(one.digests[at] not in identical for at in leaked), len(leaked))


def _differing(others: int, count: int) -> str:
    """The end of a sentence about `count` rows, `others` of which are not identical; empty if all are."""
    if not others:
        return ""
    which = "" if others == count else f", {others:,} of them only"
    return f"{which} if blanks, line breaks and Unicode forms are ignored"


def shared_rows(checked: Sequence[CheckedRows]) -> Iterator[str]:
    """Yield a warning for each pair of data sets with common rows, which may differ in blanks."""
    first_of: dict[bytes, tuple[CheckedRows, str]] = {}
    pairs: dict[tuple[str, str], _Common] = {}
    for one in checked:
        for digest, place in _distinct(one).items():
            other, earlier = first_of.setdefault(digest, (one, place))
            if other.label != one.label:
                found = pairs.setdefault((other.label, one.label), _Common(other, one, earlier, place))
                found.rows.add(digest)
    yield from map(str, pairs.values())


@dataclass
class _Common:
    """Rows that two data sets have in common, with the place of the first one in each."""

    one: CheckedRows
    other: CheckedRows
    first: str
    second: str
    rows: set[bytes] = field(default_factory=set[bytes])

    def __str__(self) -> str:
        count = len(self.rows)
        owners = f"{owner(self.one.label)} and {owner(self.other.label)}"
        whole = next((each for each in (self.other, self.one) if count == len(set(each.normalized))), None)
        all_of = ""
        if whole is not None and count > 1:
            all_of = f", all {'' if whole.complete else 'checked '}rows of {owner(whole.label)}"
        if self.other.who == HUB:
            advice = "Evaluate on rows that no participant trains on."
        elif whole is not None and self.one.who != self.other.who:
            advice = "Correct the `uri` in one of their policies, unless they have the same rows on purpose."
        else:
            advice = "Check that this is intended."
        rows = f"{several(count, 'row')} in common{_differing(count - self._identical(), count)}"
        return f"{owners} have {rows}{all_of} (first: {self.first} and {self.second}). {advice}"

    def _identical(self) -> int:
        """Number of common rows that are the same in both, blank by blank."""
        exact = set(self.one.digests)
        rows = zip(self.other.digests, self.other.normalized, strict=True)
        return len({normalized for digest, normalized in rows if normalized in self.rows and digest in exact})


def _distinct(one: CheckedRows) -> Mapping[bytes, str]:
    found: dict[bytes, str] = {}
    for digest, place in zip(one.normalized, one.places, strict=True):
        found.setdefault(digest, place)
    return found
