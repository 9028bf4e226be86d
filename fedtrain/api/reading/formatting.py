"""Values in messages, and suggestions for values in the wrong format."""

import json
import math
import re
from collections.abc import Iterable
from typing import Any, TypeGuard

_LONGEST = 60


def is_map(value: Any) -> TypeGuard[dict[str, Any]]:
    """Whether the value is a map. Its keys are strings: the reader refuses others."""
    return isinstance(value, dict)


def is_list(value: Any) -> TypeGuard[list[Any]]:
    """Whether the value is a list."""
    return isinstance(value, list)


def shown(value: Any, text: str | None = None) -> str:
    """The value as in the file, shortened to one line. `text`: a number or boolean as it is in the file."""
    if text is not None and isinstance(value, int | float):
        return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
    if is_map(value):
        return f"a map with {', '.join(list(value)[:5])}" if value else "an empty map"
    if is_list(value):
        return f"a list of {len(value)}" if value else "an empty list"
    match value:
        case None:
            return "null"
        case str():
            text = json.dumps(value, ensure_ascii=False)
            return text if len(text) <= _LONGEST else f'{text[: _LONGEST - 4]}..."'
        case float() if not math.isfinite(value):
            return ".nan" if math.isnan(value) else f"{'-' if value < 0 else ''}.inf"
        case bool():
            return str(value).lower()
        case _:
            return str(value)[:_LONGEST]


def as_json(value: Any) -> Any:
    """The value for JSON: scalars unchanged, others as `shown`."""
    whole = isinstance(value, str | bool | int) or value is None or (isinstance(value, float) and math.isfinite(value))
    return value if whole else shown(value)


def as_number(text: str) -> str | None:
    """The number in a string such as `"8"`, `1_000`, `25%` or `1,5`, in YAML's format."""
    cleaned = re.sub(r"(?<=[0-9])_(?=[0-9])", "", text.strip()).removesuffix("%").replace(",", ".").strip()
    return cleaned if re.fullmatch(r"[-+]?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?", cleaned) else None


def typed(forms: Iterable[str]) -> list[str]:
    """What the user types, in backticks."""
    return [f"`{form}`" for form in forms]
