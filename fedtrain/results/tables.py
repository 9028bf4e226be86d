"""Tables of the command line: drawn on a terminal, plain aligned columns elsewhere."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """`rows` have as many cells as `head`. `left`: number of leading text columns; the others are numbers."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1


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
    return "\n".join([table.title, *text])


def show(tables: list[Table], terminal: bool) -> None:
    """Print the tables to standard output."""
    if not terminal:
        print("\n\n".join(plain(table) for table in tables))
        return
    from rich.console import Console

    console = Console(highlight=False)
    for table in tables:
        console.print(drawn(table))
        console.print()


def drawn(table: Table):
    """Return the table for rich."""
    from rich import box
    from rich.table import Table as Drawn

    drawing = Drawn(title=table.title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for column, name in enumerate(table.head):
        drawing.add_column(name, justify="left" if column < table.left else "right", overflow="fold")
    for row in table.rows:
        drawing.add_row(*(_coloured(cell) for cell in row))
    return drawing


_COLOURS = {
    "Committed": "green",
    "Aggregated": "green",
    "Succeeded": "green",
    "Halted": "yellow",
    "Skipped": "yellow",
    "RolledBack": "yellow",
    "Absent": "yellow",
    "Quarantined": "red",
    "Failed": "red",
}


def _coloured(cell: str):
    from rich.text import Text

    return Text(cell, style=_COLOURS.get(cell.partition(":")[0], ""))
