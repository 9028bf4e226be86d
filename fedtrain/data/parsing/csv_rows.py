"""CSV with a header. Every cell is text; lists, such as `choices`, are JSON in a cell."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import IO

from fedtrain.api.data_files import is_tab_separated
from fedtrain.data.errors import DataError
from fedtrain.data.parsing.csv_errors import quote_error
from fedtrain.data.parsing.csv_header import check_is_header
from fedtrain.data.parsing.parsed import OnFault, Parsed, raising
from fedtrain.data.parsing.text_files import decoded, numbered_lines
from fedtrain.plurals import form, several

DELIMITERS = (",", ";", "\t", "|")
_SEARCHED = 10
"""First lines that are searched for the header."""
_TITLED = 3
"""Lines of the shortest table with a title: the title, the header and one row."""
_NAMES = {"\t": "a tab"}
"""Names of delimiters that cannot be seen."""
_LARGEST_CELL = 2**31 - 1
_QUOTED = re.compile(r'"(?:[^"]|"")*"')


def csv_rows(
    content: IO[bytes], name: str, columns: Sequence[str] | None, fault: OnFault = raising
) -> Iterator[Parsed]:
    """Yield the rows. The delimiter is the most frequent one of the header: comma, semicolon, tab or bar. `where` is
    the line on which a row begins. Raises DataError."""
    lines = (decoded(line, f"{name}:{number}") for number, line in numbered_lines(content, name))
    begin = list(islice(lines, _SEARCHED))
    first = begin[0] if begin else ""
    _check_is_first(begin, name, columns)
    _check_no_title(begin, name)
    csv.field_size_limit(_LARGEST_CELL)
    delimiter = "\t" if is_tab_separated(name) else _delimiter(first)
    header: list[str] | None = None
    start = 1
    row: list[str] = []
    reader = csv.reader(_kept(chain(begin, lines), row), delimiter=delimiter, strict=True)
    while (cells := _next(reader, row, delimiter, name, start)) is not None:
        if header is None:
            if columns is not None and not (len(cells) == 1 and is_tab_separated(name)):
                check_is_header(begin, cells, name, columns, ("\t",) if is_tab_separated(name) else DELIMITERS)
            header = _checked(cells, name)
        elif cells:
            if len(cells) == len(header):
                found = zip(header, cells, strict=True)
                value = {field: cell for field, cell in found if field and (columns is None or field in columns)}
                yield Parsed(f"{name}:{start}", start, value, is_cells=True)
            else:
                fault(_wrong_count(f"{name}:{start}", len(cells), len(header)))
        start = reader.line_num + 1


def _wrong_count(where: str, cells: int, columns: int) -> DataError:
    missing = columns - cells
    if columns == 1:
        fix = "delete the lines above the header, or put cells that contain the delimiter in double quotes"
    elif missing > 0:
        fix = f"add the missing {form(missing, 'cell', 'cells')}, or delete the line"
    else:
        fix = "put cells that contain the delimiter or a line break in double quotes"
    return DataError(f"{where}: the row has {several(cells, 'cell')}, but the header has {columns}", fix)


def _kept(lines: Iterable[str], row: list[str]) -> Iterator[str]:
    """Yield the lines, and add them to those of the row that is read."""
    for line in lines:
        row.append(line)
        yield line


def _next(reader: Iterator[list[str]], row: list[str], delimiter: str, name: str, start: int) -> list[str] | None:
    """Return the next row, whose lines are then in `row`; None at the end. Raises DataError."""
    row.clear()
    try:
        return next(reader, None)
    except csv.Error as error:  # its message may quote a cell
        raise quote_error(row, delimiter, name, start) from error


def _check_is_first(begin: Sequence[str], name: str, columns: Sequence[str] | None) -> None:
    """Raises DataError if not the first line, but one of the next has the columns: a title precedes the header."""
    found = [set(columns or ()) & {cell.strip(' \r\n"') for cell in line.split(_delimiter(line))} for line in begin]
    number = next((number for number, named in enumerate(found, start=1) if len(named) > 1), 1)
    if number > 1 and not found[0]:
        raise DataError(f"{name}:{number}: the header is not on the first line", f"delete {_above(number)}")


def _check_no_title(begin: Sequence[str], name: str) -> None:
    """Raises DataError if a line with one cell precedes lines that all have the same number of cells, several of them:
    it is a title, and the next line the header."""
    lines = [(number, text) for number, line in enumerate(begin, start=1) if (text := line.strip("\r\n"))]
    if len(lines) < _TITLED or sum(1 for cell in _split(lines[0][1]) if cell.strip()) != 1:
        return
    number, line = lines[1]
    delimiter, header = _delimiter(line), _split(line)
    is_header = len(header) > 1 and all(cell and cell == cell.strip() for cell in header)
    cells = {len(_QUOTED.sub("", text).split(delimiter)) for _, text in lines[1:]}
    if is_header and len(set(header)) == len(header) and cells == {len(header)}:
        shown = _NAMES.get(delimiter, f"`{delimiter}`")
        fix = f"delete {_above(number)}, or put cells that contain {shown} in double quotes"
        raise DataError(f"{name}:{number}: the header is not on the first line", fix)


def _above(number: int) -> str:
    return "line 1" if number == 2 else f"lines 1 to {number - 1}"


def _split(line: str) -> list[str]:
    """The cells of a line without line breaks in quotes."""
    return [cell for cells in csv.reader([line], delimiter=_delimiter(line)) for cell in cells]


def _delimiter(header: str) -> str:
    bare = _QUOTED.sub("", header)
    return max(DELIMITERS, key=bare.count)


def _checked(header: list[str], name: str) -> list[str]:
    header = [field.strip() for field in header]
    repeated = next((at for at, field in enumerate(header) if field in header[:at]), None)
    if repeated is not None:
        problem = f"columns {header.index(header[repeated]) + 1} and {repeated + 1} have the same name"
        raise DataError(f"{name}:1: {problem}", "give every column its own name")
    return header
