"""Tables of the command line: drawn on a terminal, plain aligned columns elsewhere."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fedtrain.palette import TONES, role_of

if TYPE_CHECKING:
    from rich.table import Table as Drawn

_GAP = 2
"""Characters between two columns."""
_SHORT = 10
"""Least width of a text that is wrapped."""


@dataclass(frozen=True)
class Table:
    """`rows` have as many cells as `head`; a row with a first cell alone is the heading of those below it. `left`:
    number of leading text columns; the others are numbers. `legend`: what the columns are, as sentences."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1
    legend: str = ""


def legend(meanings: Mapping[str, str]) -> str:
    """Return what the columns of a table are. `meanings`: by the name of a column, or of several with commas."""
    return " ".join(f"{name}: {meaning}." for name, meaning in meanings.items())


def plain(table: Table) -> str:
    """Return the table as columns aligned with blanks."""
    lines = [table.head, *table.rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(table.head))]
    text = [
        "  ".join(
            cell.ljust(width) if column < table.left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    return "\n".join([*([table.title] if table.title else []), *text, *([table.legend] if table.legend else [])])


def parts(table: Table, width: int) -> list[Table]:
    """Return the table as one or several tables of at most `width` characters, each with the first column, so that no
    number is cut."""
    widths = column_widths(table, width)
    groups: list[list[int]] = [[]]
    for column in range(1, len(widths)):
        together = [0, *groups[-1], column]
        if groups[-1] and _total(widths[one] for one in together) > width:
            groups.append([])
        groups[-1].append(column)
    return [
        replace(
            table,
            title=table.title if number == 0 else f"{table.title} (continued)" if table.title else "",
            head=tuple(table.head[column] for column in (0, *group)),
            rows=tuple(tuple(row[column] for column in (0, *group)) for row in table.rows),
            left=sum(column < table.left for column in (0, *group)),
            legend=table.legend if number == len(groups) - 1 else "",
        )
        for number, group in enumerate(groups)
    ]


def column_widths(table: Table, width: int) -> list[int]:
    """Return the widths that columns need on a terminal of this width: heads are wrapped at blanks, and cells at
    `fold_width`."""
    return _widths(table, fold_width(table, width))


def fold_width(table: Table, width: int) -> int:
    """Return the width at which long cells are wrapped: half of the terminal's, or less if that keeps all columns
    beside each other."""
    choices = [width // share for share in (2, 3, 4)]
    return next((limit for limit in choices if _total(_widths(table, limit)) <= width), choices[0])


def _widths(table: Table, limit: int) -> list[int]:
    columns = [[row[column] for row in table.rows] for column in range(len(table.head))]
    return [
        max(min(max(map(len, cells), default=0), limit), *map(len, head.split() or [""]))
        for head, cells in zip(table.head, columns, strict=True)
    ]


def _total(widths: Iterable[int]) -> int:
    found = list(widths)
    return sum(found) + _GAP * (len(found) - 1)


def add_columns(drawing: "Drawn", table: Table, width: int) -> None:
    """Add the columns to a table of rich. Only long texts are wrapped. `width`: of the terminal."""
    for column, (name, least) in enumerate(zip(table.head, column_widths(table, width), strict=True)):
        drawing.add_column(
            name if len(name) <= least else name.replace(" ", "\n"),
            justify="left" if column < table.left else "right",
            overflow="fold",
            min_width=min(least, _SHORT),
            no_wrap=all(len(row[column]) <= least for row in table.rows),
        )


def show(tables: list[Table], terminal: bool) -> None:
    """Print the tables to standard output."""
    if not terminal:
        print("\n\n".join(plain(table) for table in tables))
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    for number, table in enumerate(part for whole in tables for part in parts(whole, console.width)):
        if number:
            console.print()
        if table.title:
            console.print(Text(table.title, style="bold"))
        console.print(drawn(table, console.width))
        if table.legend:
            console.print(Text(table.legend, style=TONES["muted"].terminal))


def folded(cell: str, width: int) -> str:
    """Return a text in lines of at most `width` characters that end after a blank, `/`, `-` or `.`, so that names and
    addresses stay readable; a longer word stays whole."""
    lines = [""]
    for word in re.split(r"(?<=[ /.-])", cell) if len(cell) > width else [cell]:
        if lines[-1] and len(lines[-1]) + len(word.rstrip()) > width:
            lines.append("")
        lines[-1] += word
    return "\n".join(line.rstrip() for line in lines)


def drawn(table: Table, width: int) -> "Drawn":
    """Return the columns for rich, without title and legend. `width`: of the terminal."""
    from rich import box
    from rich.table import Table as Drawn
    from rich.text import Text

    drawing = Drawn(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, _GAP - 1, 0, 0),  # the box has one blank more between two columns
    )
    add_columns(drawing, table, width)
    limit = fold_width(table, width)
    for name, *cells in table.rows:
        if cells and not any(cells):
            drawing.add_row(Text(name, style="bold"), *cells)
        else:
            drawing.add_row(*(_coloured(folded(cell, limit)) for cell in (name, *cells)))
    return drawing


def _coloured(cell: str):
    from rich.text import Text

    role = role_of(cell)
    return Text(cell, style=TONES[role].terminal if role else "")
