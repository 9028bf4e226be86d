"""Small pieces of HTML. Everything that is text is escaped here, and here alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from fedtrain.results.tables import Table


@dataclass(frozen=True)
class Safe:
    """HTML that goes into a page as it is."""

    text: str


Piece = Safe | str


def put(piece: Piece) -> str:
    return piece.text if isinstance(piece, Safe) else escape(piece)


def join(pieces: Sequence[Safe]) -> Safe:
    return Safe("\n".join(piece.text for piece in pieces if piece.text))


def tag(name: str, content: Piece, kind: str = "") -> Safe:
    """`<name class="kind">content</name>`."""
    start = f'{name} class="{kind}"' if kind else name
    return Safe(f"<{start}>{put(content)}</{name}>")


def section(heading: str, about: str, *content: Safe) -> Safe:
    """Empty when there is no content."""
    inside = join(content)
    if not inside.text:
        return Safe("")
    lead = put(tag("p", about, "about")) if about else ""
    return Safe(f"<section><h2>{escape(heading)}</h2>{lead}\n{inside.text}</section>")


def figure(svg: str, alt: str, kind: str = "") -> Safe:
    """A chart; `alt` says in words what it shows."""
    return Safe(f'<figure class="{kind}" role="img" aria-label="{escape(alt, quote=True)}">{svg}</figure>')


def grid(figures: Sequence[Safe]) -> Safe:
    """Side by side where there is room."""
    return Safe(f'<div class="grid">{join(figures).text}</div>') if figures else Safe("")


def table(drawn: Table, colour: bool = True) -> Safe:
    """Scrolls sideways by itself where the page is narrow."""
    head = "".join(f"<th{_side(drawn, at)}>{escape(name)}</th>" for at, name in enumerate(drawn.head))
    rows = "".join(
        f"<tr>{''.join(_cell(drawn, at, cell, colour) for at, cell in enumerate(row))}</tr>" for row in drawn.rows
    )
    return Safe(f'<div class="table"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>')


def facts(pairs: Sequence[tuple[str, Piece]]) -> Safe:
    """A list of names and values."""
    return Safe("<dl>" + "".join(f"<dt>{escape(name)}</dt><dd>{put(value)}</dd>" for name, value in pairs) + "</dl>")


_STATES = {
    "Committed": "good",
    "Aggregated": "good",
    "Skipped": "warn",
    "Absent": "warn",
    "Quarantined": "bad",
    "Failed": "bad",
}


def _cell(drawn: Table, at: int, cell: str, colour: bool) -> str:
    state = _STATES.get(cell.partition(":")[0].partition(" ")[0], "") if colour else ""
    inside = f'<span class="state {state}">{escape(cell)}</span>' if state else escape(cell)
    return f"<td{_side(drawn, at)}>{inside}</td>"


def _side(drawn: Table, at: int) -> str:
    return "" if at < drawn.left else ' class="number"'
