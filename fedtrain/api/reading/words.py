"""pydantic's errors in plain words: what is there, and what to write instead."""

from typing import Any

from pydantic_core import ErrorDetails

from fedtrain.api.base import DNS_LABEL_PATTERN, DURATION_PATTERN, QUANTITY_PATTERN
from fedtrain.api.reading.values import (
    as_duration,
    as_label,
    as_number,
    as_quantity,
    is_list,
    is_map,
    nearest,
    plain_form,
    shown,
)
from fedtrain.api.shapes import FieldOf, Shape, describe, fields_of

Words = tuple[str, str]
"""The message and the fix."""

_SWITCHES = {
    "true": "Enabled", "yes": "Enabled", "on": "Enabled", "enable": "Enabled",
    "false": "Disabled", "no": "Disabled", "off": "Disabled", "disable": "Disabled",
}  # fmt: skip
_YES, _NO = {"true", "yes", "on", "enabled", "1"}, {"false", "no", "off", "disabled", "0"}


def translate(error: ErrorDetails, field: FieldOf, item: bool) -> Words:
    """`field` is where the error is; with `item`, at an item of its list or table."""
    shape = field.shape.item if item and field.shape.item else field.shape
    if error["type"] == "missing":
        return "It is missing.", f"Write {_example(field.name, shape)}."
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
            return f"The map has {len(value)} fields.", f"Write at most {shape.longest}."
        case "Table":
            return (
                f"{shown(value)} is not a map.",
                f"Write name and value of each under it, such as `{field.name}: {{a: b}}`.",
            )


def _example(name: str, shape: Shape) -> str:
    if shape.kind == "Map" and shape.block:
        required = [field.name for field in fields_of(shape.block).values() if field.required and field.name != "type"]
        return f"`{name}:` with {', '.join(required or fields_of(shape.block))}"
    return f"`{name}:` and {describe(shape)}"


def _null(field: FieldOf, shape: Shape) -> Words:
    if "None" in shape.choices:
        return "It is null.", "Write None, the word."
    if field.required or shape is not field.shape:
        return "It is empty.", f"Write {describe(shape)}."
    return "It is empty.", f"Write {describe(shape)}, or remove the line for the default."


def _number(value: Any, shape: Shape) -> Words:
    expected = f"Write {describe(shape)}."
    if isinstance(value, str):
        number = as_number(value)
        if number is None:
            return f"{shown(value)} is text, not a number.", expected
        if number == value:
            return f"{shown(value)} is text because of its quotes.", f"Remove the quotes: {number}."
        return f"{shown(value)} is text, not a number.", f"Write {number}."
    if not isinstance(value, int | float) or isinstance(value, bool):
        return f"{shown(value)} is not a number.", expected
    if shape.kind == "Integer" and isinstance(value, float):
        if value.is_integer():
            return f"{shown(value)} has a decimal point.", f"Write {int(value)}."
        return f"{shown(value)} is not a whole number.", expected
    return f"{shown(value)} is out of range.", expected


def _choice(value: Any, shape: Shape) -> Words:
    word = shown(value) if isinstance(value, bool) else str(value)
    allowed = describe(shape)
    switch = _SWITCHES.get(word.lower())
    guess = switch if switch in shape.choices else nearest(word, shape.choices)
    if isinstance(value, dict | list) or guess is None or len(shape.choices) == 1:
        return f"{shown(value)} is not allowed here.", f"Write {allowed}."
    if plain_form(guess) == plain_form(word):
        return f"{shown(value)} is written {guess}.", f"Write {guess} ({allowed})."
    return f"{shown(value)} is not allowed here.", f"Did you mean {guess}? Write {allowed}."


def _switch(value: Any) -> Words:
    word = str(value).lower()
    fix = "true" if word in _YES else "false" if word in _NO else "true or false"
    quoted = " because of its quotes" if word == value and word in ("true", "false") else ""
    return f"{shown(value)} is {'text' if isinstance(value, str) else 'no switch'}{quoted}.", f"Write {fix}."


def _text(value: Any, shape: Shape) -> Words:
    expected = f"Write {describe(shape)}."
    if shape.pattern in (DURATION_PATTERN, QUANTITY_PATTERN):
        duration = shape.pattern == DURATION_PATTERN
        guess = as_duration(value) if duration else as_quantity(value)
        kind = "duration" if duration else "size"
        return f"{shown(value)} is not a {kind}.", f"Write {guess}." if guess else expected
    if not isinstance(value, str):
        if isinstance(value, dict | list):
            return f"It is {shown(value)}, but text belongs here.", expected
        kind = "a switch" if isinstance(value, bool) else "a number"
        return f"{shown(value)} is {kind}, but text belongs here.", f'Put it in quotes: "{shown(value)}".'
    if value == "":
        return "It is empty.", expected
    if shape.pattern == DNS_LABEL_PATTERN and (label := as_label(value)):
        if label != value and len(value) <= (shape.longest or 0):
            return f"{shown(value)} is no name that Kubernetes allows.", f"Write {label} (a-z, 0-9 and -)."
        return f"The name has {len(value)} characters.", f"Write one of at most {shape.longest}."
    if shape.longest is not None and len(value) > shape.longest:
        return f"The text has {len(value)} characters.", f"Write at most {shape.longest}."
    return f"{shown(value)} does not fit here.", expected


def _list(field: FieldOf, value: Any, shape: Shape) -> Words:
    if is_list(value):
        if not value:
            return "The list is empty.", "Write at least one item."
        return f"The list has {len(value)} items.", f"Write at most {shape.longest}."
    named = shape.item is not None and shape.item.block is not None and "name" in fields_of(shape.item.block)
    if is_map(value):
        example = f"- name: {next(iter(value), 'bank-a')}" if named else "- "
        return f"It is a map, but {field.name} is a list.", f"Begin each item with a dash: `{example}`."
    return f"{shown(value)} is not a list.", f"Write [{value}]." if not named else f"Write `- name: {value}`."


def _map(field: FieldOf, value: Any, shape: Shape) -> Words:
    assert shape.block is not None
    names = fields_of(shape.block)
    if isinstance(value, list):
        return f"It is a list, but {field.name} is a map.", f"Write its fields ({', '.join(names)}) without dashes."
    if shape is not field.shape and "name" in names:
        return f"{shown(value)} is not a map.", f"Write `name: {value}` after the dash."
    if {"type", "steps"} <= set(names) and isinstance(value, int):
        return f"{shown(value)} is not a map.", f"Write {{type: Steps, steps: {value}}}."
    if "type" in names and value in names["type"].shape.choices:
        return f"{shown(value)} is not a map.", f"Write {{type: {value}}}."
    return f"{shown(value)} is not a map.", f"Write its fields under it: {', '.join(names)}."
