"""The valid forms of a block with variants, such as `{type: Absolute, norm: 5}`, for a value that is not a map."""

import re
from typing import Any

from fedtrain.api.base import Block
from fedtrain.api.examples import example
from fedtrain.api.reading.flow_style import flow
from fedtrain.api.reading.formatting import is_list
from fedtrain.api.reading.one_value import bucket_of
from fedtrain.api.shapes import FieldOf, Shape, fields_of
from fedtrain.api.similar_words import plain_form

_MOST = 5
"""Variants that are listed."""


def variants(block: type[Block], value: Any, text: str | None = None, called: str | None = None) -> list[str]:
    """Return the forms that contain the value, otherwise all. `text`: the value as it is in the file. `called`: the
    name of an item that has one. Empty for a block without variants or with too many."""
    if not block.unions:
        return []
    if (counted := _counted(block, value)) is not None:
        return [counted]
    named = chosen(block, value)
    forms = [_form(block, choice, value, text, called) for choice in ([named] if named else _choices(block))]
    taken = [form for form, takes in forms if takes]
    return taken or ([form for form, _ in forms] if len(forms) <= _MOST else [])


def _counted(block: type[Block], value: Any) -> str | None:
    """`{type: Epochs, epochs: 3}` for `3 epochs`; None for other values."""
    found = re.fullmatch(r"([0-9]+) *([a-z]+)", value.lower()) if isinstance(value, str) else None
    if found is None:
        return None
    for choice, name in block.unions[0].required.items():
        if found[2].removesuffix("s") == plain_form(name or "").removesuffix("s"):
            return f"{{{block.unions[0].discriminator}: {choice}, {name}: {found[1]}}}"
    return None


def chosen(block: type[Block], value: Any) -> str | None:
    """Return the variant that the value names."""
    if not block.unions or not isinstance(value, str):
        return None
    return next((choice for choice in _choices(block) if plain_form(choice) == plain_form(value)), None)


def takes(shape: Shape, value: Any) -> bool:
    """Whether the value is a valid number for the field, or makes a list of strings."""
    match shape.kind:
        case "Integer":
            return isinstance(value, int) and not isinstance(value, bool) and in_range(value, shape)
        case "Number":
            return isinstance(value, int | float) and not isinstance(value, bool) and in_range(value, shape)
        case "List" if shape.item is not None and shape.item.kind == "Text":
            return bool(value) and all(isinstance(item, str) for item in (value if is_list(value) else [value]))
        case _:
            return False


def in_range(value: float, shape: Shape) -> bool:
    """Whether a number is within the bounds of a field."""
    return not (
        (shape.minimum is not None and value < shape.minimum)
        or (shape.above is not None and value <= shape.above)
        or (shape.maximum is not None and value > shape.maximum)
        or (shape.below is not None and value >= shape.below)
    )


def _choices(block: type[Block]) -> tuple[str, ...]:
    return fields_of(block)[block.unions[0].discriminator].shape.choices


def _form(block: type[Block], choice: str, value: Any, text: str | None, called: str | None) -> tuple[str, bool]:
    """Return the form of one variant, and whether it contains the value."""
    union, fields, found = block.unions[0], fields_of(block), False
    parts: list[str] = []
    for name, field in fields.items():
        if name == union.discriminator:
            parts.append(f"{name}: {choice}")
        elif field.required:
            parts.append(f"{name}: {called or choice.lower()}")
        elif name == union.required.get(choice):
            content, found = _content(field, value, text)
            parts.append(f"{name}: {content}")
        elif name == union.optional.get(choice) and _takes_one(field) and (optional := _content(field, value, text))[1]:
            content, found = optional
            parts.append(f"{name}: {content}")
    return f"{{{', '.join(parts)}}}", found


def _takes_one(field: FieldOf) -> bool:
    """Whether a block has one field only, so that one value says what it means."""
    return field.shape.block is None or len(fields_of(field.shape.block)) == 1


def _content(field: FieldOf, value: Any, text: str | None) -> tuple[str, bool]:
    """Return the value, or an example, and whether it is the value."""
    shape = field.shape
    if field.name == "path" and isinstance(value, str) and value.startswith((".", "/", "~")):
        return value, True
    if takes(shape, value):
        return (f"[{', '.join(value if is_list(value) else [value])}]" if shape.kind == "List" else text or value), True
    if shape.block is not None and (parts := bucket_of(value, set(fields_of(shape.block)))) is not None:
        return flow(parts), True
    if shape.block is not None and value is not None:
        inner = {name: one for name, one in fields_of(shape.block).items() if one.required} or fields_of(shape.block)
        contents = {name: _content(one, value, text) for name, one in inner.items()}
        pairs = ", ".join(f"{name}: {content}" for name, (content, _) in contents.items())
        return f"{{{pairs}}}", any(found for _, found in contents.values())
    return example(field.name, shape), False
