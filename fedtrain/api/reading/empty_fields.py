"""Fields without a value, such as `revision:`, that would silently get their default."""

from collections.abc import Iterator
from typing import Any, cast

from fedtrain.api.base import Block
from fedtrain.api.paths import Path
from fedtrain.api.pods import PodSecurityContext
from fedtrain.api.reading.formatting import is_map
from fedtrain.api.shapes import FieldOf, Shape, fields_of

_NULL_IS_A_VALUE = (PodSecurityContext,)
"""Blocks in which `null` means that the cluster chooses."""


def empty_fields(block: type[Block], raw: object, path: Path = ()) -> Iterator[tuple[Path, FieldOf]]:
    """Yield each empty field that may be omitted. The types refuse those that are required or have another default."""
    if not is_map(raw) or issubclass(block, _NULL_IS_A_VALUE):
        return
    known = fields_of(block)
    for name, value in raw.items():
        field = known.get(name)
        if field is None:
            continue
        if value is None and not field.required and field.info.default is None:
            yield (*path, name), field
        else:
            yield from _inside(field.shape, value, (*path, name))


def _inside(shape: Shape, value: Any, path: Path) -> Iterator[tuple[Path, FieldOf]]:
    if shape.block is not None:
        yield from empty_fields(shape.block, value, path)
    elif shape.kind == "List" and shape.item is not None and isinstance(value, list):
        for number, one in enumerate(cast("list[Any]", value)):
            yield from _inside(shape.item, one, (*path, number))
