"""Summaries as plain JSON: camelCase names, records as in the ledger."""

import dataclasses
from collections.abc import Mapping
from typing import Any, cast

from pydantic import BaseModel
from pydantic.alias_generators import to_camel


def as_json(value: object) -> Any:
    """Convert dataclasses, records and their containers for `json.dumps`. Fields that are None are omitted."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True, exclude_none=True)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
        return {to_camel(name): as_json(item) for name, item in fields if item is not None}
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in cast(Mapping[object, object], value).items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in cast(list[object], value)]
    return value
