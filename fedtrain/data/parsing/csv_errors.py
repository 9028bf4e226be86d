"""The error of a row of CSV whose double quotes do not match."""

from collections.abc import Sequence

from fedtrain.data.errors import DataError

_CLOSE = (
    "close it with a double quote at the end of the cell; if it belongs to the text, put the whole cell in double "
    'quotes and write each double quote in it as `""`'
)


def quote_error(lines: Sequence[str], delimiter: str, name: str, first: int) -> DataError:
    """`lines`: of the row that cannot be read, from line `first` of the file. Quotes no text of a cell."""
    cell, at, opened, closed = 1, 0, 0, False
    quoted = False
    for number, line in enumerate(lines, start=first):
        begin = True  # of a cell, unless the line continues one
        for character in line.rstrip("\r\n"):
            if quoted and not closed:
                closed = character == '"'
            elif closed and character == '"':  # two of them are one in the text
                closed = False
            elif character == delimiter:
                cell, begin, quoted, closed = cell + 1, True, False, False
                continue
            elif closed:
                at = number
                break
            elif begin and character == '"':
                quoted, opened = True, number
            begin = False
        if at:
            break
        if not quoted or closed:
            cell, quoted, closed = 1, False, False
    if not opened:
        fix = "put cells that contain a line break in double quotes"
        return DataError(f"{name}:{first}: not valid CSV: a line break in a cell without double quotes", fix)
    where = f"{name}:{opened}: not valid CSV: the double quote that begins cell {cell}"
    if not at:
        return DataError(f"{where} is never closed", _CLOSE)
    if at == opened:
        fix = 'put the whole cell in double quotes, and write each double quote in its text as `""`'
        return DataError(f"{where} is closed before the end of the cell", fix)
    return DataError(f"{where} is not closed before line {at}, where text follows the next double quote", _CLOSE)
