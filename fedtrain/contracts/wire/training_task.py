"""A TrainingTask from a hub of another version: optional fields that this version does not know are ignored."""

from collections.abc import Mapping
from typing import Any, cast

from fedtrain.api.base import Block
from fedtrain.api.shapes import Shape, fields_of
from fedtrain.api.training_task import TrainingTaskSpec


def read_training_task(content: Mapping[str, Any]) -> TrainingTaskSpec:
    """Return the spec of a TrainingTask. What a receiver must not ignore is in `spec.task.requiredFeatures`. Raises
    ValidationError."""
    return TrainingTaskSpec.model_validate(_known(TrainingTaskSpec, content))


def _known(block: type[Block], content: object) -> object:
    if block.model_config.get("extra") != "forbid" or not isinstance(content, Mapping):
        return content
    fields = fields_of(block)
    values = cast(Mapping[str, object], content).items()
    return {name: _value(fields[name].shape, value) for name, value in values if name in fields}


def _value(shape: Shape, value: object) -> object:
    if shape.block is not None:
        return _known(shape.block, value)
    if shape.kind == "List" and shape.item is not None and isinstance(value, list):
        return [_value(shape.item, item) for item in cast(list[object], value)]
    return value
