"""Blocks that are empty because their fields are not indented more than they are: one mistake, not one for each field.

The fields are read as those of their block, so that all other errors in them are found, too.
"""

from collections.abc import Collection, Iterator, Mapping
from itertools import takewhile
from typing import NamedTuple

from fedtrain.api.base import Block
from fedtrain.api.paths import Path
from fedtrain.api.reading.documents import Located, Spot
from fedtrain.api.reading.formatting import is_map
from fedtrain.api.reading.other_names import fields_named
from fedtrain.api.shapes import FieldOf, Shape, block_at, fields_of
from fedtrain.api.similar_words import nearest

DEEPER = 2
"""Spaces to indent fields by."""
Fields = dict[str | int, tuple[Spot, Located]]


class Outdented(NamedTuple):
    """An empty block at `path`, above its own fields."""

    path: Path
    message: str
    fix: str


def with_fields_in_blocks(root: type[Block], document: Located) -> tuple[Located, list[Outdented]]:
    """Return the document with the fields below an empty block in it, and the blocks where this was necessary. A block
    of `spec` may be in the wrong place."""
    found: list[Outdented] = []
    spec = block_at(root, ("spec",))
    return _block(root, document, (), found, fields_of(spec) if spec is not None else {}), found


def _block(
    block: type[Block], here: Located, path: Path, found: list[Outdented], of_spec: Mapping[str, FieldOf]
) -> Located:
    if not is_map(here.value):
        return here
    known = fields_of(block)
    fields: Fields = {}
    rest = list(here.inside.items())
    while rest:
        name, (spot, value) = rest.pop(0)
        field = known.get(str(name)) or of_spec.get(str(name))
        if field is None:
            fields[name] = spot, value
            continue
        inner = field.shape.block
        below: Fields = {}
        if inner is not None and value.value is None:
            below = dict(_below(spot, rest, known, fields_of(inner)))
        if below:
            del rest[: len(below)]
            value = Located({key: one.value for key, (_, one) in below.items()}, spot, below)
            found.append(_outdented((*path, name), below))
        fields[name] = spot, _any(field.shape, value, (*path, name), found, of_spec)
    return _with(here, {key: one.value for key, (_, one) in fields.items()}, fields)


def _any(shape: Shape, here: Located, path: Path, found: list[Outdented], of_spec: Mapping[str, FieldOf]) -> Located:
    if shape.block is not None:
        return _block(shape.block, here, path, found, of_spec)
    if shape.item is None or shape.kind != "List" or not isinstance(here.value, list):
        return here
    items: Fields = {
        number: (spot, _any(shape.item, item, (*path, number), found, of_spec))
        for number, (spot, item) in here.inside.items()
    }
    return _with(here, [item.value for _, item in items.values()], items)


def _with(here: Located, value: object, inside: Fields) -> Located:
    """Return `here` itself if nothing in it has changed, because an alias and its anchor are one object."""
    same = list(inside) == list(here.inside) and all(inside[key][1] is here.inside[key][1] for key in inside)
    return here if same else Located(value, here.spot, inside)


def _below(
    above: Spot, rest: list[tuple[str | int, tuple[Spot, Located]]], known: Collection[str], names: Collection[str]
) -> Iterator[tuple[str | int, tuple[Spot, Located]]]:
    """Yield the fields that follow the block's name with the same indentation and are not fields of the outer block,
    but of the empty one."""

    def belongs(one: tuple[str | int, tuple[Spot, Located]]) -> bool:
        name, ((line, column), _) = str(one[0]), one[1]
        return resembles(name, names) and name not in known and line > above[0] and column == above[1]

    yield from takewhile(belongs, rest)


def resembles(name: str, names: Collection[str]) -> bool:
    """Whether a field is one of `names`, misspelt, or under another tool's name."""
    return nearest(name, names, cutoff=0.85) is not None or any(end[-1] in names for end in fields_named(name))


def span(fields: Fields) -> tuple[int, int]:
    """The first and the last line of the fields."""
    lines = {line for spot, value in fields.values() for line in {spot[0], *value.lines()}}
    return min(spot[0] for spot, _ in fields.values()), max(lines)


def lines_of(fields: Fields) -> str:
    """The lines of the fields: `line 3` or `lines 3 to 5`."""
    first, last = span(fields)
    return f"line {first}" if first == last else f"lines {first} to {last}"


def _outdented(path: Path, fields: Fields) -> Outdented:
    one = len(fields) == 1
    reason = f"because {'its field' if one else 'its fields'} below {'is' if one else 'are'} not indented more than it"
    return Outdented(path, f"{path[-1]} is empty, {reason}.", f"Indent {lines_of(fields)} by {DEEPER} more spaces.")
