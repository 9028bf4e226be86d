"""One JSON object a line, for programs. `type` is the event's name; fields are camelCase."""

import dataclasses
import json
import sys
from collections.abc import Mapping
from typing import Any, TextIO, cast

from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from fedtrain.runner.events import Event


class JsonProgress:
    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout

    def __call__(self, event: Event) -> None:
        print(json.dumps({"type": type(event).__name__, **_plain(event)}), file=self._out, flush=True)

    def close(self) -> None:
        pass


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True, exclude_none=True)
    if dataclasses.is_dataclass(value):
        return {to_camel(field.name): _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in cast("Mapping[Any, Any]", value).items()}
    return [_plain(item) for item in cast("tuple[Any, ...]", value)] if isinstance(value, tuple) else value
