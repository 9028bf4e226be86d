"""Messages for a value that is not a list, or a list of the wrong length."""

import re
from typing import Any

from fedtrain.api.base import DNS_LABEL_PATTERN, Block
from fedtrain.api.examples import example
from fedtrain.api.reading.flow_style import flow
from fedtrain.api.reading.formatting import is_list, is_map, shown
from fedtrain.api.reading.one_value import as_list
from fedtrain.api.shapes import FieldOf, Shape, fields_of

LONGEST_LIST = 120
"""Characters of a list that a message shows."""


def list_message(field: FieldOf, value: Any, shape: Shape, text: str | None) -> tuple[str, str]:
    """Message and fix for `value`, which is not a list of this shape. `text`: the value as it is in the file."""
    if is_list(value):
        if not value:
            return "The list is empty.", f"Add an item, for example `{field.name}: {example(field.name, shape)}`."
        return f"The list has {len(value)} items.", f"Use at most {shape.longest}."
    named = shape.item is not None and shape.item.block is not None and "name" in fields_of(shape.item.block)
    if is_map(value):
        if shape.item is not None and shape.item.block is not None and set(value) <= set(fields_of(shape.item.block)):
            return f"{field.name} must be a list, not a map.", f"Write `{field.name}: {flow([value])}`."
        if named and (items := _named_items(shape, value)) is not None:
            return f"{field.name} must be a list, not a map.", f"Write `{field.name}: {items}`."
        return f"{field.name} must be a list, not a map.", "Begin each item with a dash: `- `."
    if shape.item is not None and (items := as_list(value, shape.item)) is not None:
        return f"{shown(value, text)} is not a list.", f"Write `{field.name}: {items}`."
    word = isinstance(value, str) and re.fullmatch(DNS_LABEL_PATTERN, value)
    if word and shape.item is not None and shape.item.block is not None and _takes_names(shape.item.block):
        return f"{shown(value, text)} is not a list.", f"Write `- name: {value}`."
    return f"{shown(value, text)} is not a list.", f"Write a list, for example `{_list_example(field, shape, value)}`."


def lists_names(field: FieldOf, value: Any) -> bool:
    """Whether a list of maps with names is written as a list of the names."""
    item = field.shape.item
    named = item is not None and item.block is not None and _takes_names(item.block)
    return named and is_list(value) and all(isinstance(one, str) for one in value)


def _takes_names(block: type[Block]) -> bool:
    """Whether a map with a name is a valid block."""
    return required_names(block) == ["name"]


def required_names(block: type[Block]) -> list[str]:
    """Return the names of the required fields of a block."""
    return [field.name for field in fields_of(block).values() if field.required]


def _named_items(shape: Shape, value: dict[str, Any]) -> str | None:
    """The map as a list: its keys as names, and its values as the other fields. None if the list would be long."""
    assert shape.item is not None
    assert shape.item.block is not None
    others = [name for name in required_names(shape.item.block) if name != "name"]
    others = others or [name for name in ("value",) if name in fields_of(shape.item.block)]
    items: list[dict[str, Any]] = []
    for name, content in value.items():
        if is_map(content) or content is None:
            items.append({"name": name, **(content or {})})
        elif len(others) == 1:
            items.append({"name": name, others[0]: content})
        else:
            return None
    written = flow(items)
    return written if len(written) <= LONGEST_LIST else None


def _list_example(field: FieldOf, shape: Shape, value: Any) -> str:
    """An example of a list of maps, with the value as the location if it is a path and the items have one."""
    assert shape.item is not None
    assert shape.item.block is not None
    if isinstance(value, str) and "uri" in required_names(shape.item.block):
        return f"{field.name}: {flow([{'name': example('dataset', shape), 'uri': value}])}"
    return f"{field.name}: {example(field.name, shape)}"
