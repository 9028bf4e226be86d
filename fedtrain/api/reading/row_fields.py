"""Messages about the fields of rows: `data.format`, and `data.fields` written as a list."""

from typing import Any

from fedtrain.api.data import FORMAT_FIELDS, REQUIRED_FIELDS, Fields, Format
from fedtrain.api.reading.flow_style import flow
from fedtrain.api.reading.formatting import is_list, is_map
from fedtrain.api.shapes import FieldOf
from fedtrain.api.similar_words import nearest


def mapped_fields(field: FieldOf, value: Any, format: object) -> tuple[str, str] | None:
    """Message and fix for a list of names of fields in rows of `format`; None for another field or value."""
    if field.shape.block is not Fields or not is_list(value) or not all(isinstance(name, str) for name in value):
        return None
    form = _known(format)
    required = REQUIRED_FIELDS[form]
    free = [*required, *(name for name in FORMAT_FIELDS[form] if name not in required)]
    if not value or len(value) > len(free):
        return None
    found: dict[str, str] = {}
    for name in value:
        if near := nearest(name, free):
            found[near] = name
            free.remove(near)
    found |= dict(zip(free, (name for name in value if name not in found.values()), strict=False))
    differing = {name: found[name] for name in FORMAT_FIELDS[form] if found.get(name, name) != name}
    problem = f"{field.name} must be a map, not a list."
    if not differing:
        return problem, f"Remove it: rows of `format: {form}` have these names."
    return problem, f"Write the format's name and yours: `{field.name}: {flow(differing)}`."


def _known(format: object) -> Format:
    """The format in the file, or the usual one if that is missing or invalid."""
    for one in REQUIRED_FIELDS:
        if one == format:
            return one
    return "PromptCompletion"


def formats() -> str:
    """The formats, with the fields that each needs."""
    needs = [f"{name} ({', '.join(fields)})" for name, fields in REQUIRED_FIELDS.items()]
    return f"Formats, with the fields that each row must have: {', '.join(needs)}"


def merged(value: Any) -> dict[str, Any] | None:
    """Return the map that a list of maps with a field each means; None for another value."""
    if not is_list(value) or not value or not all(is_map(one) and len(one) == 1 for one in value):
        return None
    found = {name: content for one in value for name, content in one.items()}
    return found if len(found) == len(value) else None
