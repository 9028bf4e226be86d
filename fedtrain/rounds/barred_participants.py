"""Why participants cannot take part in a private round, one by one and together."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from fedtrain.plurals import several

_SHOWN = 3
"""Participants of a reason, and reasons, that are shown."""


class Barred(NamedTuple):
    """Why a participant cannot take part. `reason` and `fix`: clauses without a period. `field`: of `spec.privacy`, the
    one to change. `terms`: of the epsilon in `reason`, which ends with a number then; empty without epsilon."""

    reason: str
    fix: str = ""
    field: tuple[str, ...] = ("budget",)
    terms: str = ""

    @property
    def sentences(self) -> str:
        """Return reason and fix, each with a period."""
        return " ".join(f"{one}." for one in (self._in_full, self.fix) if one)

    def __str__(self) -> str:
        return self.sentences if self.fix else self._in_full

    @property
    def _in_full(self) -> str:
        return f"{self.reason} ({self.terms})" if self.terms else self.reason


def reasons_of_all(barred: Mapping[str, Barred]) -> str:
    """Return `a: one round (2 steps) costs epsilon 9, and the budget is 8; b: one round ... (delta 1e-05, ...)`: one
    clause for participants with the same reason, and the same terms once."""
    by_reason: dict[tuple[str, str], list[str]] = {}
    for who, one in sorted(barred.items(), key=lambda item: item[1].terms):
        by_reason.setdefault((one.terms, one.reason), []).append(who)
    shown = list(by_reason.items())[:_SHOWN]
    clauses: list[str] = []
    for number, ((terms, reason), names) in enumerate(shown, 1):
        is_last = number == len(shown) or shown[number][0][0] != terms
        clauses.append(f"{_some(names)}: {reason}{f' ({terms})' if terms and is_last else ''}")
    more = len(by_reason) - len(shown)
    return "; ".join([*clauses, *([f"and {several(more, 'more reason')}"] if more else [])])


def fixes_of_all(barred: Iterable[Barred]) -> str:
    """Return the different fixes as sentences."""
    return " ".join(f"{fix}." for fix in dict.fromkeys(one.fix for one in barred if one.fix))


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
