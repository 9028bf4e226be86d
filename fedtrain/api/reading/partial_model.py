"""The valid part of a document that has errors, so that rules can check it.

Malformed and missing fields are left out of the model. A rule that reads one gets an AttributeError and is skipped
(`fedtrain.api.rules.validate`). Names are kept even if they are not valid names, so that references to them resolve.
"""

from collections.abc import Set
from typing import Any, TypeVar

from fedtrain.api.base import DNS_LABEL_PATTERN, Block
from fedtrain.api.paths import Path
from fedtrain.api.reading.formatting import is_list, is_map
from fedtrain.api.shapes import Shape, fields_of

B = TypeVar("B", bound=Block)


def partial(block: type[B], raw: Any, bad: Set[Path], path: Path = ()) -> B:
    """A `block` of `raw` without the fields at the paths in `bad`; an empty one if `raw` is not a map. A path in `bad`
    may also be that of a field that `raw` has under a misspelt name."""
    values: dict[str, Any] = {}
    absent = set(block.model_fields)
    for name, field in fields_of(block).items() if is_map(raw) else ():
        at = (*path, name)
        if name not in raw:
            if not field.required and at not in bad:
                absent.discard(field.attribute)
        elif at not in bad:
            value = _value(field.shape, raw[name], bad, at)
            if value or not raw[name]:  # a list without any valid item is malformed, not empty
                values[field.attribute] = value
        elif field.shape.pattern == DNS_LABEL_PATTERN and isinstance(raw[name], str):
            values[field.attribute] = raw[name]
    built = block.model_construct(_fields_set=set(values), **values)
    for attribute in absent - set(values):
        vars(built).pop(attribute, None)  # model_construct fills in defaults
    return built


def _value(shape: Shape, raw: Any, bad: Set[Path], at: Path) -> Any:
    if shape.block is not None and is_map(raw):
        return partial(shape.block, raw, bad, at)
    if shape.item is not None and is_list(raw):
        return _items(shape.item, raw, bad, at)
    if shape.kind == "Table" and is_map(raw):
        wrong = {path[len(at)] for path in bad if path[: len(at)] == at and len(path) > len(at)}
        return {name: value for name, value in raw.items() if name not in wrong}
    return raw


def _items(shape: Shape, raw: list[Any], bad: Set[Path], at: Path) -> tuple[Any, ...]:
    """A malformed map becomes an empty one, so that the indexes of the others stay; malformed strings are left out."""
    if shape.block is not None:
        return tuple(partial(shape.block, item, bad, (*at, number)) for number, item in enumerate(raw))
    return tuple(item for number, item in enumerate(raw) if (*at, number) not in bad)
