"""Values as YAML in flow style, for messages that show what to write."""

import json
import re
from typing import Any

from fedtrain.api.reading.formatting import is_list, is_map
from fedtrain.api.reading.scalars import plain

_PLAIN = re.compile(r"[\w./~][\w./~@*-]*(:[\w./]+)*")
"""Text that needs no quotes in a map or list."""
_TIME = re.compile(r"[0-9]+(:[0-9]+)+")
"""A time of day, which some YAML parsers read as a number without quotes."""


class Literal(str):
    """A scalar as it is in the file, such as `1e-5`."""


def flow(value: Any) -> str:
    """Return the value in one line."""
    if is_map(value):
        return f"{{{', '.join(f'{name}: {flow(one)}' for name, one in value.items())}}}"
    if is_list(value):
        return f"[{', '.join(map(flow, value))}]"
    if isinstance(value, Literal):
        return str(value)
    if isinstance(value, str):
        bare = _PLAIN.fullmatch(value) and isinstance(plain(value), str) and not _TIME.fullmatch(value)
        return value if bare else json.dumps(value, ensure_ascii=False)
    return json.dumps(value)
