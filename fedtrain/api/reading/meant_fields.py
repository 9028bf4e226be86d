"""The known field that an unknown field means: misspelt, under another name, or in another block."""

from collections.abc import Iterable, Iterator
from typing import Any

from fedtrain.api.base import Block
from fedtrain.api.paths import Path
from fedtrain.api.reading.choice_errors import meant as meant_word
from fedtrain.api.reading.documents import Located
from fedtrain.api.reading.formatting import is_list, is_map
from fedtrain.api.reading.kinds import moved_to_other_kind
from fedtrain.api.reading.location_of_rows import location_of_rows
from fedtrain.api.reading.other_names import INSTEAD, fields_named
from fedtrain.api.reading.paths_of_fields import places
from fedtrain.api.shapes import block_at, block_of, field_at, fields_of
from fedtrain.api.similar_words import nearest, plain_form

_SPEC = 1
"""Steps that all fields share, which does not make one of several the meant one."""


def is_of_other_type(root: type[Block], path: Path, document: Located) -> bool:
    """Whether the block at `path` is one that the type beside it does not select: it is reported as a whole."""
    beside = document.at(path[:-1]) if path else None
    if not is_map(beside):
        return False
    for union in getattr(block_at(root, path[:-1]), "unions", ()):
        choice = beside.get(union.discriminator)
        if union.value_of(path[-1]) is not None and choice in union.members and choice != union.value_of(path[-1]):
            return True
    return False


def is_around(missing: Path, meant: Iterable[Path]) -> bool:
    """Whether a missing field is one of the meant fields or contains one: the unknown field is the mistake."""
    steps = blocks(missing)  # as in the path to move a field to
    return any(path[: len(missing)] == missing or path[: len(steps)] == steps for path in meant)


def meant_field(root: type[Block], path: Path, document: Located) -> Path | None:
    """Return the path of the known field that an unknown field at `path` probably means."""
    name, around = str(path[-1]).partition(":")[0], path[:-1]
    block = block_at(root, around) or root
    known = fields_of(block)
    if same := nearest(name, known, cutoff=0.85):
        return (*around, same)
    if plain_form(name) in INSTEAD or location_of_rows(block, name):
        return None
    if parameters := _parameters_of_strategy(block, name, document.at(around), document.at(path)):
        return (*around, parameters)
    names = (*fields_named(name), (name,))
    if is_map(document.at(path)):  # a block of this name rather than a field that other tools call so
        names = ((name,), *fields_named(name))
    for end in names:
        if end[-1] in known and end[:-1] == blocks(around)[-1:][: len(end) - 1]:
            return (*around, end[-1])
    for end in names:  # `serverLr` in `fedAdam`, although its first meaning is a field of `fedAvgM`
        if end[-1] in known and document.at((*around, end[-1])) is None:
            return (*around, end[-1])
    used = document.at(path)
    found = {
        end: _with_most_fields(root, [place for place in places(root, end) if _may_hold(root, place, used)], used)
        for end in names
    }
    below = [
        (*around, *place[len(blocks(around)) :])
        for end in names
        for place in found[end]
        if place[: len(blocks(around))] == blocks(around)
    ]
    if below:
        below.sort(key=lambda place: _is_in_list(place[len(around) :], block))
        return next((place for place in below if is_chosen(root, place, document)), below[0])
    for end in names:
        if place := _closest(root, around, tuple(found[end])):
            return place
    near = nearest(name, known) if moved_to_other_kind(root, name, used) is None else None
    return (*around, near) if near and document.at((*around, near)) is None else None


def _with_most_fields(root: type[Block], found: list[Path], value: Any) -> list[Path]:
    """Return the places of blocks that have most of the fields of a map, or of the maps in a list; all places if none
    has any."""
    items: list[Any] = value if is_list(value) else [value]
    names = {name for item in items if is_map(item) for name in item}
    blocks_of = {place: block for place in found if (block := _block_of_items(root, place, is_list(value))) is not None}
    count = {place: len(names & set(fields_of(block))) for place, block in blocks_of.items()}
    most = max(count.values(), default=0)
    return [place for place in found if count.get(place) == most] if most else found


def _block_of_items(root: type[Block], place: Path, is_of_list: bool) -> type[Block] | None:
    """The block at `place`, or that of its items."""
    field = field_at(root, place)
    if field is None or (field.shape.kind == "List") != is_of_list:
        return None
    return block_of(field.shape)


def _is_in_list(rest: Path, block: type[Block]) -> bool:
    """Whether a list is on the way from `block` to the field at `rest` below it."""
    fields = (field_at(block, rest[:end]) for end in range(1, len(rest)))
    return any(field is not None and field.shape.kind == "List" for field in fields)


def fields_to_skip(root: type[Block], meant: Path, document: Located) -> Iterator[Path]:
    """Yield the fields that rules must not judge, because an unknown field means the one at `meant`: it, the blocks
    around it that are missing, and the types that select them."""
    for end in range(1, len(meant) + 1):
        if document.at(meant[:end]) is None:
            yield meant[:end]
        for union in getattr(block_at(root, meant[: end - 1]), "unions", ()):
            if union.value_of(meant[end - 1]) is not None:
                yield (*meant[: end - 1], union.discriminator)


def is_chosen(root: type[Block], place: Path, document: Located) -> bool:
    """Whether each block on the way to `place` is the one that its type selects, and one has a type."""
    selected = False
    for end in range(1, len(place) + 1):
        for union in getattr(block_at(root, blocks(place[: end - 1])), "unions", ()):
            choice = union.value_of(place[end - 1])
            if choice is not None and document.at((*place[: end - 1], union.discriminator)) != choice:
                return False
            selected = selected or choice is not None
    return selected


def _closest(root: type[Block], around: Path, found: tuple[Path, ...]) -> Path | None:
    """The place that shares the longest prefix with the field's current place; if none shares a block with it, the
    only place that is not in a list, such as that of overrides for one participant."""

    def shared(place: Path) -> int:
        steps = blocks(around)
        return next(
            (i for i, (a, b) in enumerate(zip(steps, place, strict=False)) if a != b), min(len(steps), len(place))
        )

    best = max(found, key=lambda place: (shared(place), -len(place)), default=None)
    if best is None or len(found) == 1 or shared(best) > _SPEC:
        return best
    alone = [place for place in found if not _is_in_list(place, root)]
    return alone[0] if len(alone) == 1 else None


def _may_hold(root: type[Block], place: Path, value: Any) -> bool:
    """Whether the field at `place` can have the value: not a map or list for one value, a value that is neither for a
    block with several fields, or a word that is not one of its choices."""
    field = field_at(root, place)
    if field is None or value is None:
        return True
    match field.shape.kind:
        case "Map" | "Table" | "List":
            return True
        case "Choice":
            return isinstance(value, str) and meant_word(value, field.shape.choices) is not None
        case _:
            return not is_map(value)


_PARAMETERS = {"params", "parameters", "config", "options", "args", "kwargs", "strategyparams", "strategyconfig"}
"""Names, in plain form, of a block for the parameters of any strategy."""


def _parameters_of_strategy(block: type[Block], name: str, around: Any, value: Any) -> str | None:
    """Return the block of the strategy that `around` names, for a field that other tools call `params`."""
    union = next((one for one in block.unions if one.discriminator == "strategy"), None)
    if union is None or plain_form(name) not in _PARAMETERS or not is_map(value) or not is_map(around):
        return None
    strategy = nearest(str(around.get("strategy", "")), union.members)
    member = union.members.get(strategy or "")
    return member if member not in around else None


def blocks(path: Path) -> Path:
    """The path without the numbers of items."""
    return tuple(step for step in path if not isinstance(step, int))
