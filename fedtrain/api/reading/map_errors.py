"""Messages for a value that is not a map of fields."""

import re
from typing import Any

from fedtrain.api.examples import example
from fedtrain.api.reading.choice_errors import NO
from fedtrain.api.reading.flow_style import flow
from fedtrain.api.reading.formatting import is_list, shown, typed
from fedtrain.api.reading.list_errors import LONGEST_LIST, lists_names, required_names
from fedtrain.api.reading.metric_types import NOT_COMPUTED
from fedtrain.api.reading.one_value import address
from fedtrain.api.reading.other_names import value_named
from fedtrain.api.reading.row_fields import merged
from fedtrain.api.reading.variants import chosen, takes, variants
from fedtrain.api.reading.yaml_errors import assigned, without_space
from fedtrain.api.shapes import FieldOf, Shape, fields_of
from fedtrain.listing import listed


def map_message(field: FieldOf, value: Any, shape: Shape, text: str | None, around: Any) -> tuple[str, str]:
    """Message and fix for `value`, which is not a map. `text`: the value as it is in the file. `around`: the list that
    has the value as an item."""
    assert shape.block is not None
    names, item = fields_of(shape.block), shape is not field.shape
    given = shown(value, text)
    if isinstance(value, str) and (spaced := without_space(value)):
        return f"{given} has no space after the colon.", f"Write `{spaced}`."
    if isinstance(value, str) and (written := assigned(value)):
        return f"{given} has an equals sign instead of a colon.", f"Write `{written}`."
    problem = f"{field.name} must be a map, not a list." if is_list(value) else f"{given} is not a map."
    if not field.required and not item and given.strip('"').lower() in NO:
        return problem, f"Remove it to have {'none' if field.info.default is None else 'the default'}."
    if isinstance(value, str) and (parts := address(value, set(names))):
        return problem, f"Write `{flow(parts)}`."
    if item and lists_names(field, around):
        items = flow([{"name": one} for one in around])
        written = f"`{field.name}: {items}`" if len(items) <= LONGEST_LIST else f"`- name: {value}` for each item"
        return f"{given} is a string, not a map.", f"Write {written}."
    if item and {"name", "uri"} <= set(names) and isinstance(value, str) and "/" in value:
        return problem, f"Write `{flow({'name': 'tickets', 'uri': value})}`."
    if item and "name" in names and shape.block.unions and isinstance(value, str) and not chosen(shape.block, value):
        forms = listed(typed(variants(shape.block, value_named(value), called=value_named(value) and value)), "or")
        if value_named(value):  # `accuracy` is a metric of type Choices
            return problem, f"Write {forms}."
        return f"{given} {NOT_COMPUTED}", f"Remove it, or write one of these instead: {forms}."
    if item and "name" in names and not (shape.block.unions and chosen(shape.block, value)):
        needed = required_names(shape.block)
        if isinstance(value, str) and needed and "name" not in needed:
            return problem, f"Write `{flow({needed[0]: value})}`."
        return problem, f"Write `name: {value}` after the dash."
    if shapes := variants(shape.block, value, text):
        return problem, f"Write {listed(typed(shapes), 'or')}."
    if (together := merged(value)) is not None and set(together) <= set(names):
        return problem, f"Remove the dashes: `{field.name}: {flow(together)}`."
    if is_list(value):
        if len(value) == 1 and isinstance(value[0], str) and (only := _one_field(names, value[0], None)):
            return problem, f"Write `{field.name}: {only}`."
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
