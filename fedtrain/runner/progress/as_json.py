"""One JSON object a line, for programs. `type` is the event's name, `time` the seconds since 1970; fields are
camelCase."""

import dataclasses
import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, TextIO, cast

from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from fedtrain.runner.events import Event


class JsonProgress:
    """`now`: seconds since 1970."""

    def __init__(self, out: TextIO | None = None, now: Callable[[], float] = time.time) -> None:
        self._out = out or sys.stdout
        self._now = now

    def __call__(self, event: Event) -> None:
        self.print(type(event).__name__, _plain(event))

    def print(self, kind: str, fields: Mapping[str, Any]) -> None:
        line = {"type": kind, "time": round(self._now(), 3), **fields}
        print(json.dumps(line), file=self._out, flush=True)

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
