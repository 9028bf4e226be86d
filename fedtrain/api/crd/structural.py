"""A block as a structural schema: every text and list bounded, defaults filled in, lists that merge by a key."""

import inspect
from typing import Any

from fedtrain.api.base import DURATION_PATTERN, QUANTITY_PATTERN, Block
from fedtrain.api.crd.defaults import default_of
from fedtrain.api.crd.rule import Rule, regex
from fedtrain.api.crd.rules import rules_of
from fedtrain.api.descriptions import descriptions
from fedtrain.api.shapes import FieldOf, Shape, describe, fields_of

KEYS = {
    # items of lists that have no two alike: the field that tells them apart
    "Participant": "name",
    "Metric": "name",
    "Dataset": "name",
    "HeldDataset": "name",
    "ImagePullSecret": "name",
    "Volume": "name",
    "VolumeMount": "mountPath",
    "Variable": "name",
    "Condition": "type",
}


def schema(block: type[Block]) -> dict[str, Any]:
    """The block and what is below it."""
    fields, texts = fields_of(block), descriptions(block)
    made: dict[str, Any] = {"type": "object", "description": _doc(block)}
    if required := [name for name, field in fields.items() if field.required]:
        made["required"] = required
    made["properties"] = {name: _field(field, texts[field.attribute]) for name, field in fields.items()}
    if block.model_config.get("extra") == "allow":
        made["x-kubernetes-preserve-unknown-fields"] = True
    return made | _validations(rules_of(block))


def _field(field: FieldOf, text: str) -> dict[str, Any]:
    made = _value(field.shape, field.name)
    said = made.pop("description", "")
    made = {"description": said if said.startswith(text) else f"{text} {said}".strip()} | made
    default = default_of(field)
    return made if default is None else made | {"default": default}


def _value(shape: Shape, name: str) -> dict[str, Any]:
    """The schema of a value. Raises ValueError for one without bounds: what it costs to judge could not be known."""
    match shape.kind:
        case "Map":
            assert shape.block is not None
            return schema(shape.block)
        case "Choice":
            return {"type": "string", "enum": list(shape.choices)}
        case "Switch":
            return {"type": "boolean"}
        case "Integer":
            return {"type": "integer", "format": "int64"} | _range(shape)
        case "Number":
            return {"type": "number"} | _range(shape)
        case "Text":
            return _text(shape, name)
        case "List":
            return _list(shape, name)
        case "Table":
            assert shape.item is not None
            bounds = {"maxProperties": _longest(shape, name)}
            return {"type": "object", "additionalProperties": _value(shape.item, name)} | bounds


def _range(shape: Shape) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if shape.minimum is not None:
        made["minimum"] = _number(shape.minimum)
    if shape.above is not None:
        made |= {"minimum": _number(shape.above), "exclusiveMinimum": True}
    if shape.maximum is not None:
        made["maximum"] = _number(shape.maximum)
    if shape.below is not None:
        made |= {"maximum": _number(shape.below), "exclusiveMaximum": True}
    return made


def _text(shape: Shape, name: str) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "string", "maxLength": _longest(shape, name)}
    if shape.shortest:
        made["minLength"] = shape.shortest
    if shape.pattern is None:
        return made
    # A rule instead of `pattern`, which would show a regular expression and no fix.
    wrong = {DURATION_PATTERN: "is not a duration", QUANTITY_PATTERN: "is not a size"}
    says = f'"{{self}}" {wrong.get(shape.pattern, "does not fit here")}. Write {describe(shape)}.'
    return made | _validations((Rule(holds=f"self.matches({regex(shape.pattern)})", says=says),))


def _list(shape: Shape, name: str) -> dict[str, Any]:
    assert shape.item is not None
    made: dict[str, Any] = {"type": "array", "maxItems": _longest(shape, name)}
    if shape.shortest:
        made["minItems"] = shape.shortest
    if shape.item.block is None:
        made["x-kubernetes-list-type"] = "set"
    elif key := KEYS.get(shape.item.block.__name__):
        made |= {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]}
    else:
        made["x-kubernetes-list-type"] = "atomic"
    return made | {"items": _value(shape.item, name)}


def _longest(shape: Shape, name: str) -> int:
    if shape.longest is None:
        raise ValueError(f"{name} has no greatest length: add max_length to its type")
    return shape.longest


def _number(value: float) -> float:
    return int(value) if float(value).is_integer() else value


def _validations(rules: tuple[Rule, ...]) -> dict[str, Any]:
    return {"x-kubernetes-validations": [rule.as_json() for rule in rules]} if rules else {}


def _doc(block: type[Block]) -> str:
    return " ".join((inspect.getdoc(block) or "").split())
