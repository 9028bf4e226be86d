"""Type errors of pydantic as messages with a fix."""

import re
from decimal import Decimal
from typing import Any

from pydantic_core import ErrorDetails

from fedtrain.api.base import DNS_LABEL_PATTERN, DURATION_PATTERN, QUANTITY_PATTERN, as_label
from fedtrain.api.reading.formatting import (
    as_duration,
    as_number,
    as_quantity,
    is_list,
    is_map,
    nearest,
    plain_form,
    shown,
)
from fedtrain.api.shapes import FieldOf, Shape, describe, fields_of, mismatch

Texts = tuple[str, str]
"""Message and fix."""

_SWITCHES = {
    "true": "Enabled", "yes": "Enabled", "on": "Enabled", "enable": "Enabled",
    "false": "Disabled", "no": "Disabled", "off": "Disabled", "disable": "Disabled",
}  # fmt: skip
_YES, _NO = {"true", "yes", "on", "enabled", "1"}, {"false", "no", "off", "disabled", "0"}


def translate(error: ErrorDetails, field: FieldOf, item: bool) -> Texts:
    """Message and fix of an error in `field`; with `item`, in an item of its list or table."""
    shape = field.shape.item if item and field.shape.item else field.shape
    if error["type"] == "missing":
        return f"{field.name} is required.", f"Add {_example(field.name, shape)}."
    value = error["input"]
    if value is None:
        return _null(field, shape)
    match shape.kind:
        case "Integer" | "Number":
            return _number(value, shape)
        case "Choice":
            return _choice(value, shape)
        case "Switch":
            return _switch(value)
        case "Text":
            return _text(value, shape)
        case "List":
            return _list(field, value, shape)
        case "Map":
            return _map(field, value, shape)
        case "Table" if is_map(value):
            return f"The map has {len(value)} fields.", f"Use at most {shape.longest}."
        case "Table":
            return (
                f"{shown(value)} is not a map.",
                f"Use names and values, such as `{field.name}: {{a: b}}`.",
            )


def _example(name: str, shape: Shape) -> str:
    if shape.kind == "Map" and shape.block:
        required = [field.name for field in fields_of(shape.block).values() if field.required and field.name != "type"]
        return f"`{name}:` with {', '.join(required or fields_of(shape.block))}"
    return f"`{name}:`, {describe(shape)}"


def _null(field: FieldOf, shape: Shape) -> Texts:
    if "None" in shape.choices:
        return f"{field.name} is null.", "Write the word None."
    if field.required or shape is not field.shape:
        return f"{field.name} is empty.", f"Use {describe(shape)}."
    return f"{field.name} is empty.", f"Use {describe(shape)}, or remove the line to get the default."


def _number(value: Any, shape: Shape) -> Texts:
    expected = f"Use {describe(shape)}."
    if isinstance(value, str):
        number = as_number(value)
        if number is None:
            return f"{shown(value)} is a string, not a number.", expected
        if number == value:
            return f"{shown(value)} is a string because of its quotes.", f"Remove the quotes: {number}."
        if value.strip().endswith("%") and (fraction := _as_fraction(number, shape)):
            return f"{shown(value)} is a string, not a number.", f"Write {fraction}." if _fits(
                fraction, shape
            ) else expected
        return f"{shown(value)} is a string, not a number.", f"Write {number}."
    if not isinstance(value, int | float) or isinstance(value, bool):
        return f"{shown(value)} is not a number.", expected
    if shape.kind == "Integer" and isinstance(value, float):
        if value.is_integer():
            return f"{shown(value)} has a decimal point.", f"Write {int(value)}."
        return f"{shown(value)} is not a whole number.", expected
    return f"{shown(value)} is out of range.", expected


def _as_fraction(percentage: str, shape: Shape) -> str | None:
    """Return `0.1` for `10` if the field is a fraction; None if it can be greater than 1."""
    largest = shape.below if shape.below is not None else shape.maximum
    if largest is None or largest > 1:
        return None
    return f"{Decimal(percentage).scaleb(-2).normalize():f}"


def _fits(number: str, shape: Shape) -> bool:
    value = float(number)
    return not (
        (shape.minimum is not None and value < shape.minimum)
        or (shape.above is not None and value <= shape.above)
        or (shape.maximum is not None and value > shape.maximum)
        or (shape.below is not None and value >= shape.below)
    )


def _choice(value: Any, shape: Shape) -> Texts:
    word = shown(value) if isinstance(value, bool) else str(value)
    allowed = describe(shape)
    switch = _SWITCHES.get(word.lower())
    guess = switch if switch in shape.choices else nearest(word, shape.choices)
    if isinstance(value, dict | list) or guess is None or len(shape.choices) == 1:
        return f"{shown(value)} is not a valid value.", f"Use {allowed}."
    if plain_form(guess) == plain_form(word):
        return f"{shown(value)} is not a valid value.", f"Use {guess} ({allowed})."
    return f"{shown(value)} is not a valid value.", f"Did you mean {guess}? Use {allowed}."


def _switch(value: Any) -> Texts:
    word = str(value).lower()
    fix = "true" if word in _YES else "false" if word in _NO else "true or false"
    quoted = " because of its quotes" if word == value and word in ("true", "false") else ""
    return f"{shown(value)} is {'a string, ' if isinstance(value, str) else ''}not a boolean{quoted}.", f"Write {fix}."


def _text(value: Any, shape: Shape) -> Texts:
    expected = f"Use {describe(shape)}."
    if shape.pattern in (DURATION_PATTERN, QUANTITY_PATTERN):
        duration = shape.pattern == DURATION_PATTERN
        guess = as_duration(value) if duration else as_quantity(value)
        return f"{shown(value)} is {mismatch(shape)}.", f"Write {guess}." if guess else expected
    if not isinstance(value, str):
        if isinstance(value, dict | list):
            return f"The value is {shown(value)}, not a string.", expected
        kind = "a boolean" if isinstance(value, bool) else "a number"
        return f"{shown(value)} is {kind}, not a string.", f'Put it in quotes: "{shown(value)}".'
    if value == "":
        return "The string is empty.", expected
    if shape.pattern == DNS_LABEL_PATTERN and (label := as_label(value)):
        if label != value and len(value) <= (shape.longest or 0):
            return f"{shown(value)} is {mismatch(shape)}.", f"Use {label} (a-z, 0-9 and -)."
        return f"The name has {len(value)} characters.", f"Use at most {shape.longest}."
    if shape.longest is not None and len(value) > shape.longest:
        return f"The string has {len(value)} characters.", f"Use at most {shape.longest}."
    return f"{shown(value)} is {mismatch(shape)}.", expected


def _list(field: FieldOf, value: Any, shape: Shape) -> Texts:
    if is_list(value):
        if not value:
            return "The list is empty.", "Add at least one item."
        return f"The list has {len(value)} items.", f"Use at most {shape.longest}."
    named = shape.item is not None and shape.item.block is not None and "name" in fields_of(shape.item.block)
    if is_map(value):
        example = f"- name: {next(iter(value), 'bank-a')}" if named else "- "
        return f"{field.name} must be a list, not a map.", f"Begin each item with a dash: `{example}`."
    return f"{shown(value)} is not a list.", f"Write [{value}]." if not named else f"Write `- name: {value}`."


def _map(field: FieldOf, value: Any, shape: Shape) -> Texts:
    assert shape.block is not None
    names = fields_of(shape.block)
    if isinstance(value, list):
        return f"{field.name} must be a map, not a list.", f"Write its fields ({', '.join(names)}) without dashes."
    if shape is not field.shape and "name" in names:
        return f"{shown(value)} is not a map.", f"Write `name: {value}` after the dash."
    if {"type", "steps"} <= set(names) and isinstance(value, int):
        return f"{shown(value)} is not a map.", f"Write {{type: Steps, steps: {value}}}."
    if "type" in names and value in names["type"].shape.choices:
        return f"{shown(value)} is not a map.", f"Write {{type: {value}}}."
    if len(names) == 1 and isinstance(value, str) and re.fullmatch(r"[\w./][\w./:-]*", value):
        (name,) = names
        return f"{shown(value)} is not a map.", f"Write {{{name}: {value}}}."
    return f"{shown(value)} is not a map.", f"Write its fields below it: {', '.join(names)}."
