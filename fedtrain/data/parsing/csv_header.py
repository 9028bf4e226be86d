"""Whether the first line of a CSV file is a header."""

import csv
import re
from collections import Counter
from collections.abc import Sequence

from fedtrain.data.errors import DataError

_LONGEST = 40
"""Characters of a column's name; a longer one is probably a cell of a file without a header."""
_MOST_BLANKS = 4
"""Blanks in a column's name; a name with as many, or with a full stop, is probably a sentence."""
_UNUSUAL = re.compile(r"[<>=*!?,;|\"{}]")
"""Characters that names of columns do not have."""
_IF_HEADER = "; if the first line is a header, name its columns in `data.fields`"


class NoHeader(DataError):
    """The first line of a CSV file is a row. `cells`: those of most lines, with the delimiter of most."""

    def __init__(self, where: str, delimiter: str, cells: int) -> None:
        super().__init__(f"{where}: the first line looks like a row, not like a header", "add a header above it")
        self.delimiter = delimiter
        self.cells = cells

    def with_names(self, required: Sequence[str]) -> DataError:
        """Return the error with the header to write: the required columns, and names for the others."""
        names = [*required, *(f"column{number}" for number in range(len(required) + 1, self.cells + 1))]
        if self.delimiter == "\t":
            listed = " and ".join(f"`{column}`" for column in names)
            return DataError(self.problem, f"{self.fix}: {listed}, separated by tabs{_IF_HEADER}")
        return DataError(self.problem, f"{self.fix}: `{self.delimiter.join(names)}`{_IF_HEADER}")


def check_is_header(
    lines: Sequence[str], header: Sequence[str], name: str, columns: Sequence[str], delimiters: Sequence[str]
) -> None:
    """Raises NoHeader if the cells of the first line are texts, not names, or occur again below. `lines`: the first of
    the file; `columns`: names that the first line may have."""
    cells = [cell.strip() for cell in header]
    if not set(cells).isdisjoint(columns):
        return
    delimiter, count = _most_regular(lines, delimiters)
    below = [_split(line, delimiter) for line in lines[1:]]
    again = any(
        cell.strip() and cell.strip() == row[at].strip()
        for row in below
        for at, cell in enumerate(_split(lines[0], delimiter)[: len(row)])
    )
    if again or not all(map(is_column_name, filter(None, cells))):
        raise NoHeader(f"{name}:1", delimiter, count)


def is_column_name(cell: str) -> bool:
    """Whether a cell may be the name of a column.

    >>> [is_column_name(cell) for cell in ("Question", "Was it good?", "a b =>", "7")]
    [True, False, False, False]
    """
    sentence = cell.count(" ") >= _MOST_BLANKS or cell.endswith((".", "?", "!"))
    usual = not sentence and not cell.isdecimal() and _UNUSUAL.search(cell) is None
    return 0 < len(cell) <= _LONGEST and usual


def _most_regular(lines: Sequence[str], delimiters: Sequence[str]) -> tuple[str, int]:
    """Return the delimiter that splits most lines into the same number of cells, several of them, and that number."""
    found: list[tuple[int, int, str]] = []
    for delimiter in delimiters:
        counts = Counter(count for line in lines if (count := len(_split(line, delimiter))) > 1)
        for cells, agreeing in counts.most_common(1):
            found.append((agreeing, cells, delimiter))
    if not found:
        return delimiters[0], 1
    _, cells, delimiter = max(found, key=lambda one: one[0])
    return delimiter, cells


def _split(line: str, delimiter: str) -> list[str]:
    """The cells of a line without line breaks in quotes."""
    return [cell for cells in csv.reader([line], delimiter=delimiter) for cell in cells]
