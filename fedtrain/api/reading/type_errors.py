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
from fedtrain.api.examples import example, example_of_block
from fedtrain.api.reading.choice_errors import NO, choice, switch
from fedtrain.api.reading.flow_style import flow
from fedtrain.api.reading.formatting import is_list, is_map, shown, typed
from fedtrain.api.reading.metric_types import NOT_COMPUTED
from fedtrain.api.reading.number_errors import number
from fedtrain.api.reading.one_value import address, as_endpoint, as_list
from fedtrain.api.reading.other_names import value_named
from fedtrain.api.reading.row_fields import formats, merged
from fedtrain.api.reading.units import as_duration, as_quantity, as_time_of_day, without_unit
from fedtrain.api.reading.variants import chosen, takes, variants
from fedtrain.api.reading.yaml_errors import assigned, without_space
from fedtrain.api.shapes import FieldOf, Shape, describe, fields_of, mismatch
from fedtrain.listing import listed

Texts = tuple[str, str]
"""Message and fix."""

_LONGEST_LIST = 120
"""Characters of a list that a message shows."""
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
    value = error["input"]
    if value is None:
        return _null(field, shape)
    match shape.kind:
        case "Integer" | "Number":
            return number(value, shape, text)
        case "Choice":
            return choice(field, value, shape, text, around if item else None)
        case "Switch":
            return switch(value, text)
        case "Text":
            return _text(field, value, shape, text, block)
        case "List":
            return _list(field, value, shape, text)
        case "Map":
            return _map(field, value, shape, text, around)
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
    return f"it, for example `{name}: {forms[0] if forms else example(name, shape, block)}`"


def empty(field: FieldOf) -> Texts:
    """Return message and fix for a field without a value."""
    return _null(field, field.shape)


def _null(field: FieldOf, shape: Shape) -> Texts:
    if "None" in shape.choices:
        return f"{field.name} is null.", "Write the word `None`."
    use = f"Use {describe(shape)}"
    if shape.kind == "Text" and field.required:
        use = f"{use}, for example `{field.name}: {example(field.name, shape)}`"
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


def _list(field: FieldOf, value: Any, shape: Shape, text: str | None) -> Texts:
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
    return _required_names(block) == ["name"]


def _required_names(block: type[Block]) -> list[str]:
    return [field.name for field in fields_of(block).values() if field.required]


def _named_items(shape: Shape, value: dict[str, Any]) -> str | None:
    """The map as a list: its keys as names, and its values as the other fields. None if the list would be long."""
    assert shape.item is not None
    assert shape.item.block is not None
    others = [name for name in _required_names(shape.item.block) if name != "name"]
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
    return written if len(written) <= _LONGEST_LIST else None


def _list_example(field: FieldOf, shape: Shape, value: Any) -> str:
    """An example of a list of maps, with the value as the location if it is a path and the items have one."""
    assert shape.item is not None
    assert shape.item.block is not None
    if isinstance(value, str) and "uri" in _required_names(shape.item.block):
        return f"{field.name}: {flow([{'name': example('dataset', shape), 'uri': value}])}"
    return f"{field.name}: {example(field.name, shape)}"


def _map(field: FieldOf, value: Any, shape: Shape, text: str | None, around: Any) -> Texts:
    assert shape.block is not None
    names, item = fields_of(shape.block), shape is not field.shape
    given = shown(value, text)
    if isinstance(value, str) and (spaced := without_space(value)):
        return f"{given} has no space after the colon.", f"Write `{spaced}`."
    if isinstance(value, str) and (written := assigned(value)):
        return f"{given} has an equals sign instead of a colon.", f"Write `{written}`."
    problem = f"{field.name} must be a map, not a list." if isinstance(value, list) else f"{given} is not a map."
    if not field.required and not item and given.strip('"').lower() in NO:
        return problem, f"Remove it to have {'none' if field.info.default is None else 'the default'}."
    if isinstance(value, str) and (parts := address(value, set(names))):
        return problem, f"Write `{flow(parts)}`."
    if item and lists_names(field, around):
        items = flow([{"name": one} for one in around])
        written = f"`{field.name}: {items}`" if len(items) <= _LONGEST_LIST else f"`- name: {value}` for each item"
        return f"{given} is a string, not a map.", f"Write {written}."
    if item and {"name", "uri"} <= set(names) and isinstance(value, str) and "/" in value:
        return problem, f"Write `{flow({'name': 'tickets', 'uri': value})}`."
    if item and "name" in names and shape.block.unions and isinstance(value, str) and not chosen(shape.block, value):
        forms = listed(typed(variants(shape.block, value_named(value), called=value_named(value) and value)), "or")
        if value_named(value):  # `accuracy` is a metric of type Choices
            return problem, f"Write {forms}."
        return f"{given} {NOT_COMPUTED}", f"Remove it, or write one of these instead: {forms}."
    if item and "name" in names and not (shape.block.unions and chosen(shape.block, value)):
        needed = _required_names(shape.block)
        if isinstance(value, str) and needed and "name" not in needed:
            return problem, f"Write `{flow({needed[0]: value})}`."
        return problem, f"Write `name: {value}` after the dash."
    if shapes := variants(shape.block, value, text):
        return problem, f"Write {listed(typed(shapes), 'or')}."
    if (together := merged(value)) is not None and set(together) <= set(names):
        return problem, f"Remove the dashes: `{field.name}: {flow(together)}`."
    if isinstance(value, list):
        return problem, f"Write its fields ({listed(typed(names))}) without dashes."
    if number_or_word := _one_field(names, value, text):
        return problem, f"Write `{number_or_word}`."
    if any(one.required for one in names.values()):
        content = example(field.name, shape)
        if isinstance(value, str) and "uri" in names:
            content = content.replace(f"uri: {example('uri', names['uri'].shape)}", f"uri: {flow(value)}")
        return (
            problem,
            f"Write a map, for example `{content}`."
            if item
            else f"Write a map, for example `{field.name}: {content}`.",
        )
    if not names:
        return problem, "Write its fields below it, as in Kubernetes pods."
    return problem, f"Write its fields below it: {listed(typed(names))}."


def _one_field(names: dict[str, FieldOf], value: Any, text: str | None) -> str | None:
    """Return the map of the only field, or of the only required one, if it takes the value."""
    fields = list(names.values())
    required = [one for one in fields if one.required]
    if len(fields) != 1 and len(required) != 1:
        return None
    field = (required or fields)[0]
    name = field.name
    word = isinstance(value, str) and field.shape.kind == "Text" and re.fullmatch(r"[\w./][\w./:-]*", value) is not None
    return f"{{{name}: {text or value}}}" if word or takes(field.shape, value) else None
