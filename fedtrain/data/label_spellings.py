"""Finds answers that are probably one label in several spellings, such as `Heart` and `heart `."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from fedtrain.api.evaluation import MAX_CHOICES
from fedtrain.data.errors import DataError
from fedtrain.data.row import Row, answer
from fedtrain.plurals import form, several


def as_label(answer: str) -> str:
    """Return the label that an answer stands for, whatever its case and blanks."""
    return " ".join(answer.split()).casefold()


@dataclass
class LabelSpellings:
    """`found`: the number of rows with each answer, and the place of the first. `few`: whether there are few enough
    answers for labels; else `found` is empty."""

    rows: int = 0
    found: dict[str, tuple[int, str]] = field(default_factory=dict[str, tuple[int, str]])
    few: bool = True

    @classmethod
    def together(cls, several_sets: Iterable[Self]) -> Self:
        """Return the spellings of several data sets as those of one."""
        whole = cls()
        for one in several_sets:
            whole.few = whole.few and one.few
            for text, (count, where) in one.found.items():
                whole._add(text, count, where)
        return whole

    def add(self, row: Row) -> None:
        if "text" in row.fields or "choices" in row.fields:
            return
        try:
            self._add(answer(row), 1, row.where)
        except DataError:  # a turn without text
            return

    def _add(self, text: str, count: int, where: str) -> None:
        if not self.few:
            return
        self.rows += count
        before, first = self.found.get(text, (0, where))
        self.found[text] = (before + count, first)
        if len(self.found) > MAX_CHOICES:
            self.few = False
            self.found.clear()

    @property
    def likely(self) -> bool:
        """Whether the answers are probably labels: several, and two rows on average have the same one."""
        return self.few and 2 <= len(self.found) <= self.rows // 2

    def warning(self) -> str | None:
        """Return a warning with the places of a rarer and of the usual spelling, and no value; None if each label has
        one spelling, or if the answers are not labels."""
        if not self.likely:
            return None
        by_label: dict[str, list[tuple[int, str]]] = {}
        for text, spelling in self.found.items():
            by_label.setdefault(as_label(text), []).append(spelling)
        rare: list[tuple[int, str, str]] = []
        for spellings in by_label.values():
            (_, usual), *others = sorted(spellings, key=lambda spelling: -spelling[0])
            rare += [(count, where, usual) for count, where in others]
        if not rare:
            return None
        count, (_, first, usual) = sum(count for count, _, _ in rare), rare[0]
        return (
            f"{several(count, 'answer')} {form(count, 'differs', 'differ')} from a more frequent one only in case or "
            f"blanks (first: {first}, unlike {usual}), so {form(count, 'it is', 'they are')} learned and counted as "
            f"{form(count, 'another label', 'other labels')}. Write each label in one way."
        )
