"""A block as a structural schema: bounded strings and lists, defaults, and keys for lists of objects."""

from typing import Any

from fedtrain.api.base import Block
from fedtrain.api.crd.defaults import default_of
from fedtrain.api.crd.rules import validations_of, validations_of_field
from fedtrain.api.crd.validation import Validation
from fedtrain.api.descriptions import descriptions
from fedtrain.api.rules.rule import regex
from fedtrain.api.shapes import FieldOf, Shape, describe, fields_of, mismatch

VALIDATIONS = "x-kubernetes-validations"

KEYS = {
    # block of a list's items: the field that is unique
    "Participant": "name",
    "Metric": "name",
    "Dataset": "name",
    "MixedDataset": "name",
    "HeldDataset": "name",
    "PendingApproval": "digest",
    "ImagePullSecret": "name",
    "Volume": "name",
    "VolumeMount": "mountPath",
    "Variable": "name",
    "Condition": "type",
}


def schema(block: type[Block]) -> dict[str, Any]:
    """The schema of a block and of the blocks below it. Its description is the one of the field that contains it."""
    fields, texts = fields_of(block), descriptions(block)
    made: dict[str, Any] = {"type": "object"}
    if required := [name for name, field in fields.items() if field.required]:
        made["required"] = required
    made["properties"] = {name: _field(block, field, texts[field.attribute]) for name, field in fields.items()}
    if block.model_config.get("extra") == "allow":
        made["x-kubernetes-preserve-unknown-fields"] = True
    return made | _validations(validations_of(block))


def _field(block: type[Block], field: FieldOf, text: str) -> dict[str, Any]:
    made = {"description": text} | _value(field.shape, field.name)
    validations = _validations(validations_of_field(block, field.name)).get(VALIDATIONS, [])
    if validations:
        made[VALIDATIONS] = made.get(VALIDATIONS, []) + validations
    default = default_of(field)
    return made if default is None else made | {"default": default}


def _value(shape: Shape, name: str) -> dict[str, Any]:
    """The schema of a value. Raises ValueError for an unbounded one, whose cost the API server could not estimate."""
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
            return {"type": "number"} | _range(shape) | _validations(_above_whole_numbers(shape))
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


def _above_whole_numbers(shape: Shape) -> tuple[Validation, ...]:
    """The API server compares a whole number, such as 0, with the whole part of `minimum`."""
    if shape.minimum is None or float(shape.minimum).is_integer():
        return ()
    message = f"{{value}} is out of range. Use {describe(shape)}."
    return (Validation(valid=f"self >= {shape.minimum!r}", message=message, values={"value": "self"}),)


def _text(shape: Shape, name: str) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "string", "maxLength": _longest(shape, name)}
    if shape.shortest:
        made["minLength"] = shape.shortest
    if shape.pattern is None:
        return made
    # A validation instead of `pattern`, whose message would be a regular expression.
    message = f'"{{value}}" is {mismatch(shape)}. Use {describe(shape)}.'
    valid = f"self.matches({regex(shape.pattern)})"
    return made | _validations((Validation(valid=valid, message=message, values={"value": "self"}),))


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
        raise ValueError(f"{name} has no maximum length. Add max_length to its type.")
    return shape.longest


def _number(value: float) -> float:
    return int(value) if float(value).is_integer() else value


def _validations(validations: tuple[Validation, ...]) -> dict[str, Any]:
    return {VALIDATIONS: [one.as_json() for one in validations]} if validations else {}
