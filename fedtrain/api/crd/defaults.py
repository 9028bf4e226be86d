"""Defaults that the API server sets for omitted fields."""

from typing import Any

from fedtrain.api.base import Block
from fedtrain.api.shapes import FieldOf


def default_of(field: FieldOf) -> Any:
    """The default as JSON; None for fields that stay unset, such as those with an empty default. A cluster shows
    defaults as if they had been written, so they contain no empty lists: these may look like "none"."""
    if field.required:
        return None
    default: Any = field.info.get_default(call_default_factory=True)
    return _plain(default) or (default if isinstance(default, bool | int | float) else None)


def always_set(field: FieldOf) -> bool:
    """Whether the field is set in every object, by the user or by default."""
    return field.required or default_of(field) is not None


def _plain(value: Any) -> Any:
    if isinstance(value, Block):
        return _without_empty(value.model_dump(mode="json", by_alias=True, exclude_none=True))
    if isinstance(value, tuple):
        return [_plain(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return dict(value) if isinstance(value, dict) else value  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


def _without_empty(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    fields = {name: _without_empty(inner) for name, inner in value.items()}  # pyright: ignore[reportUnknownVariableType]
    return {name: inner for name, inner in fields.items() if inner not in ([], {})}  # pyright: ignore[reportUnknownVariableType]
