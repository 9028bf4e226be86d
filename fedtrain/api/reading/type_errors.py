"""Type errors of pydantic as messages with a fix."""

import re
from typing import Any

from pydantic_core import ErrorDetails

from fedtrain.api.base import (
    AMOUNT_PATTERN,
    DNS_LABEL_PATTERN,
    DURATION_PATTERN,
    QUANTITY_PATTERN,
    TIME_OF_DAY_PATTERN,
    Block,
    as_label,
)
from fedtrain.api.data import REQUIRED_FIELDS
from fedtrain.api.examples import example, example_line, example_of_block
from fedtrain.api.pods import is_device
from fedtrain.api.reading.choice_errors import choice, switch
from fedtrain.api.reading.flow_style import flow
from fedtrain.api.reading.formatting import is_list, is_map, shown, typed
from fedtrain.api.reading.list_errors import list_message
from fedtrain.api.reading.map_errors import map_message
from fedtrain.api.reading.number_errors import number
from fedtrain.api.reading.one_value import as_endpoint
from fedtrain.api.reading.row_fields import formats
from fedtrain.api.reading.units import as_duration, as_quantity, as_time_of_day, without_unit
from fedtrain.api.reading.variants import takes, variants
from fedtrain.api.shapes import FieldOf, Shape, describe, fields_of, mismatch
from fedtrain.listing import listed

Texts = tuple[str, str]
"""Message and fix."""

_AS_MEANT = {
    AMOUNT_PATTERN: as_quantity,
    DURATION_PATTERN: as_duration,
    QUANTITY_PATTERN: as_quantity,
    TIME_OF_DAY_PATTERN: as_time_of_day,
}
"""What is meant by a value that does not match a pattern."""


def translate(
    error: ErrorDetails,
    field: FieldOf,
    item: bool,
    text: str | None = None,
    block: type[Block] | None = None,
    around: Any = None,
) -> Texts:
    """Message and fix of an error in `field` of `block`; with `item`, in an item of `around`, its list or table.
    `text`: the value as it is in the file, if it is a scalar without quotes."""
    shape = field.shape.item if item and field.shape.item else field.shape
    if error["type"] == "missing":
        return f"{field.name} is required.", f"Add {_example(field.name, shape, block)}."
    message, fix = _refused(field, error["input"], item, shape, text, block, around)
    if item and shape.pattern == AMOUNT_PATTERN and is_device(str(error["loc"][-1])):
        fix = 'Use a whole number in quotes, such as `"1"`.'
    return message, fix


def _refused(
    field: FieldOf, value: Any, item: bool, shape: Shape, text: str | None, block: type[Block] | None, around: Any
) -> Texts:
    """Message and fix for a value that `shape` does not take."""
    if value is None:
        return _null(field, shape)
    match shape.kind:
        case "Integer" | "Number" if not item and is_list(value) and len(value) == 1 and takes(shape, value[0]):
            return f"{field.name} takes one value, not a list.", f"Write `{field.name}: {shown(value[0])}`."
        case "Integer" | "Number":
            return number(value, shape, text)
        case "Choice":
            return choice(field, value, shape, text, around if item else None)
        case "Switch":
            return switch(value, text)
        case "Text":
            return _text(field, value, shape, text, block)
        case "List":
            return list_message(field, value, shape, text)
        case "Map":
            return map_message(field, value, shape, text, around)
        case "Table" if is_map(value):
            return f"The map has {len(value)} fields.", f"Use at most {shape.longest}."
        case "Table":
            return (
                f"{shown(value, text)} is not a map.",
                f"Use names and values, such as `{field.name}: {{a: b}}`.",
            )


def _example(name: str, shape: Shape, block: type[Block] | None) -> str:
    if name == "spec":
        return "it, with the fields that the training or policy needs (`fedtrain init` writes an example)"
    if set(shape.choices) == set(REQUIRED_FIELDS):
        return f"the format of your rows, for example `{name}: {example(name, shape)}`. {formats()}"
    if shape.kind == "Choice":
        return listed(typed(f"{name}: {choice}" for choice in shape.choices), "or")
    forms = variants(shape.block, None) if shape.block else []
    return f"it, for example {f'`{name}: {forms[0]}`' if forms else example_line(name, shape, block)}"


def empty(field: FieldOf) -> Texts:
    """Return message and fix for a field without a value."""
    return _null(field, field.shape)


def _null(field: FieldOf, shape: Shape) -> Texts:
    if "None" in shape.choices:
        return f"{field.name} is null.", "Write the word `None`."
    use = f"Use {describe(shape)}"
    if shape.kind == "Text" and field.required:
        use = f"{use}, for example {example_line(field.name, shape)}"
    if shape.block is not None:
        forms = variants(shape.block, None) or _required_fields(shape.block)
        use = f"Write {listed(typed(forms), 'or')}" if forms else "Write its fields below it"
    elif shape.kind == "List":
        use = f"Write a list, for example `{field.name}: {example(field.name, shape)}`"
    if field.required or shape is not field.shape:
        return f"{field.name} is empty.", f"{use}."
    return f"{field.name} is empty.", f"{use}, or remove the line to get the default."


def _required_fields(block: type[Block]) -> list[str]:
    """The required fields of a block with example values; empty if none is required."""
    return [example_of_block(block)] if any(field.required for field in fields_of(block).values()) else []


def _text(field: FieldOf, value: Any, shape: Shape, text: str | None, block: type[Block] | None) -> Texts:
    expected = f"Use {describe(shape)}."
    if shape.pattern == DNS_LABEL_PATTERN:
        expected = expected.replace("bank-a", example(field.name, shape, block))
    is_amount = shape.pattern == AMOUNT_PATTERN
    if (as_meant := _AS_MEANT.get(shape.pattern or "")) is not None and not (is_amount and not isinstance(value, str)):
        if shape.pattern == DURATION_PATTERN and (count := without_unit(value)):
            return (
                f"{shown(value, text)} has no unit.",
                f"Write `{count}m` (minutes), `{count}s` (seconds) or `{count}h` (hours).",
            )
        guess = as_meant(value)
        return f"{shown(value, text)} is {mismatch(shape)}.", f"Write `{guess}`." if guess else expected
    if not isinstance(value, str):
        if is_list(value) and (several := _plural(field, value, block)):
            return f"{field.name} must be one string, not a list.", several
        if isinstance(value, dict | list):
            first = value[0] if is_list(value) and value else None
            if isinstance(first, str) and expected == "Use a string.":
                return (
                    f"{field.name} takes one value, not a list.",
                    f"Write one of them, such as `{field.name}: {first}`.",
                )
            return f"The value is {shown(value, text)}, not a string.", expected
        kind = "a boolean" if isinstance(value, bool) else "a number"
        string = text or shown(value)
        if shape.pattern and not re.fullmatch(shape.pattern, string):
            return f"{shown(value, text)} is {mismatch(shape)}.", expected
        return f"{shown(value, text)} is {kind}, not a string.", f'Put it in quotes: `"{string}"`.'
    if value == "":
        return "The string is empty.", expected
    if shape.pattern == DNS_LABEL_PATTERN and "$" in value:
        return (
            f"{shown(value, text)} is {mismatch(shape)}.",
            "Write the name itself: environment variables are not expanded here.",
        )
    if shape.pattern == DNS_LABEL_PATTERN and (label := as_label(value)):
        if label != value and len(value) <= (shape.longest or 0):
            return f"{shown(value, text)} is {mismatch(shape)}.", f"Use `{label}` (a-z, 0-9 and -)."
        return f"The name has {len(value)} characters.", f"Use at most {shape.longest}."
    if shape.longest is not None and len(value) > shape.longest:
        return f"The string has {len(value)} characters.", f"Use at most {shape.longest}."
    return f"{shown(value, text)} is {mismatch(shape)}.", expected


def _plural(field: FieldOf, value: list[Any], block: type[Block] | None) -> str | None:
    """The fix for a list in a field that takes one string: the field beside it that takes a list, such as `datasets` of
    `dataset`."""
    if len(value) == 1 and isinstance(value[0], str):
        return f"Write `{field.name}: {as_endpoint(value[0]) if field.name == 'endpoint' else value[0]}`."
    if field.name == "uri":
        return "Put the files into one folder, and set `uri` to the folder."
    beside = fields_of(block).get(f"{field.name}s") if block is not None else None
    if beside is None or beside.shape.item is None or beside.shape.item.block is None:
        return None
    inner = fields_of(beside.shape.item.block)
    others = {name: 1 for name, one in inner.items() if one.required and name != "name"}
    items = [one if is_map(one) else {"name": one, **others} for one in value]
    return f"Write `{beside.name}: {flow(items)}` instead."
