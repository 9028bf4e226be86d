"""One JSON object a line, for programs. `type` is the event's name, `time` the seconds since 1970; fields are
camelCase, and those without a value are omitted."""

import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from fedtrain.contracts.as_json import as_json
from fedtrain.runner.events import Event


class JsonProgress:
    """`now`: seconds since 1970."""

    def __init__(self, out: TextIO | None = None, now: Callable[[], float] = time.time) -> None:
        self._out = out or sys.stdout
        self._now = now

    def __call__(self, event: Event) -> None:
        self.print(type(event).__name__, as_json(event))

    def print(self, kind: str, fields: Mapping[str, Any]) -> None:
        line = {"type": kind, "time": round(self._now(), 3), **fields}
        print(json.dumps(line), file=self._out, flush=True)

    def close(self) -> None:
        pass
