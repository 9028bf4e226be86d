"""Fields of `spec` that are beside it, or below `metadata` because the line `spec:` is missing: one mistake, not one
for each field.

The fields are read as those of `spec`, so that all other errors in them are found, too.
"""

from collections.abc import Collection

from fedtrain.api.base import Block
from fedtrain.api.reading.documents import Located, Spot
from fedtrain.api.reading.formatting import is_map
from fedtrain.api.reading.indentation import DEEPER, Fields, Outdented, lines_of, resembles, span
from fedtrain.api.shapes import block_at, fields_of
from fedtrain.listing import listed

_FEWEST = 2
"""A single field gets a message that may propose a better place."""


def with_fields_in_spec(root: type[Block], document: Located) -> tuple[Located, list[Outdented]]:
    """Return the document with its fields of `spec` in `spec`, and the error if there are some."""
    block, spec = block_at(root, ("spec",)), document.inside.get("spec")
    if block is None or (spec is not None and spec[1].value is not None and not is_map(spec[1].value)):
        return document, []
    names, own = fields_of(block), spec[1].inside if spec is not None else {}
    beside = _resembling(document, names, {*fields_of(root), "apiVersion", *own})
    if len(beside) >= _FEWEST:
        rest: Fields = {name: one for name, one in document.inside.items() if name not in beside}
        return _with_spec(document, rest, {**own, **beside}), [
            _error(spec, beside, "which is missing" if spec is None else "but beside it", _fix(document, beside))
        ]
    metadata = document.inside.get("metadata")
    if metadata is None:
        return document, []
    if spec is not None:
        return _without_fields_in_metadata(document, names)
    below = _resembling(metadata[1], names, {"name", "namespace"})
    if len(below) >= _FEWEST:
        fix = f"Write `spec:` above line {_first(below)[0]}, without spaces before it."
        return _with_spec(document, _less_metadata(document, below), below), [
            _error(spec, below, "but below `metadata`", fix)
        ]
    return document, []


def _without_fields_in_metadata(document: Located, names: Collection[str]) -> tuple[Located, list[Outdented]]:
    """Return the document with the fields of `spec` that are in `metadata` in `spec`. Kubernetes ignores unknown fields
    of `metadata`, so that each of them, such as `privacy`, would have no effect."""
    below = {name: one for name, one in document.inside["metadata"][1].inside.items() if name in names}
    own, found = document.inside["spec"][1].inside, list[Outdented]()
    for name in below:
        path, fix = ("spec", name), f"Move it to `spec.{name}`."
        if name in own:
            path, fix = ("metadata", name), f"Remove it: line {own[name][0][0]} sets `spec.{name}`."
        found.append(Outdented(path, f"{name} is a field of `spec`, but below `metadata`.", fix))
    moved: Fields = {name: one for name, one in below.items() if name not in own}
    return _with_spec(document, _less_metadata(document, moved), {**own, **moved}) if moved else document, found


def _less_metadata(document: Located, below: Fields) -> Fields:
    """The fields of the document, without those that `metadata` has by mistake."""
    spot, metadata = document.inside["metadata"]
    kept = {name: one for name, one in metadata.inside.items() if name not in below}
    return {**document.inside, "metadata": (spot, _map(kept, metadata.spot))}


def _resembling(here: Located, names: Collection[str], taken: Collection[str | int]) -> Fields:
    """The fields of a map that are fields of `spec`."""
    return {name: one for name, one in here.inside.items() if name not in taken and resembles(str(name), names)}


def _with_spec(document: Located, rest: Fields, spec: Fields) -> Located:
    spot = document.inside["spec"][0] if "spec" in document.inside else _first(spec)
    return _map({**rest, "spec": (spot, _map(spec, spot))}, document.spot)


def _map(fields: Fields, spot: Spot) -> Located:
    return Located({name: one.value for name, (_, one) in fields.items()}, spot, fields)


def _first(fields: Fields) -> Spot:
    return min(spot for spot, _ in fields.values())


def _error(spec: object, fields: Fields, where: str, fix: str) -> Outdented:
    path = ("spec",) if spec is None else ("spec", next(iter(fields)))
    return Outdented(path, f"{listed([str(name) for name in fields])} are fields of `spec`, {where}.", fix)


def _fix(document: Located, beside: Fields) -> str:
    """What to do: indent the lines if they are only indented less than needed; otherwise, move the fields."""
    others = {name: one for name, one in document.inside.items() if name not in beside}
    first, last = span(beside)
    between = any(first <= spot[0] <= last for spot, _ in others.values())
    in_one_line = len({spot[1] for spot, _ in document.inside.values()}) > 1
    spec = document.inside.get("spec")
    if spec is None:
        if between or in_one_line:
            return "Add `spec`, and move them into it."
        return f"Write `spec:` above line {first}, and indent {lines_of(beside)} by {DEEPER} more spaces."
    (line, column), children = spec[0], [spot for spot, _ in spec[1].inside.values()]
    if between or in_one_line or (children and children[0][0] == line):  # as in `spec: {...}`
        return "Move them into `spec`."
    if line != max((spot[0] for spot, _ in others.values() if spot[0] < first), default=None):
        return f"Move them below `spec:` on line {line}, indented by {DEEPER} spaces."
    deeper = children[0][1] - column if children else DEEPER
    return f"Indent {lines_of(beside)} by {deeper} more spaces."
