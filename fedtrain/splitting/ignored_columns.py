"""Columns of plain text that no training reads, and the one of them that looks like an answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fedtrain.api.data import Format
from fedtrain.listing import listed

_TEXT = "text"
_MOST_LABELS = 100
_ROWS_PER_LABEL = 2
_SHOWN = 5


@dataclass(frozen=True)
class IgnoredColumns:
    """`answer`: a column with few values that repeat, as labels do."""

    columns: tuple[str, ...]
    answer: str | None

    def text(self, file: str) -> str:
        """Return what is trained on, and how to use the other columns. `file`: the federation file."""
        shown = [f"`{name}`" for name in self.columns[:_SHOWN]]
        rest = len(self.columns) - len(shown)
        names = listed([*shown, *([f"{rest} more"] if rest else [])])
        said = f"only the column `{_TEXT}` is trained on; {names} {'is' if len(self.columns) == 1 else 'are'} ignored."
        if self.answer is None:
            return said
        return (
            f"{said} To train answers from the column {self.answer}, set `format: PromptCompletion` and "
            f"`fields: {{prompt: {_TEXT}, completion: {self.answer}}}` in spec.data of {file}."
        )


def ignored_columns(
    rows: Sequence[dict[str, Any]], found: Format, label: str | None, by: str | None
) -> IgnoredColumns | None:
    """Return the columns that are not trained on; None if there is none but those that the user named: the `label`,
    which is the answer if there is one, and `by`, which divides the rows. Rows of pairs and conversations may have
    notes beside them, as their format says what is read."""
    if found != "Text":
        return None
    columns = tuple(dict.fromkeys(name for row in rows for name in row if name != _TEXT))
    if not set(columns) - {label, by}:
        return None
    answers = [name for name in columns if name == label or (label is None and name != by and _is_label(rows, name))]
    return IgnoredColumns(columns, answers[0] if answers else None)


def _is_label(rows: Sequence[dict[str, Any]], name: str) -> bool:
    values = [row.get(name) for row in rows]
    if not all(isinstance(value, str) and value for value in values):
        return False
    return 2 <= len(set(values)) <= min(_MOST_LABELS, len(rows) // _ROWS_PER_LABEL)
