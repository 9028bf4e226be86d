"""Limits of JSON values in rows. Errors contain no value."""

from collections.abc import Iterable
from typing import cast

from fedtrain.data.errors import DataError

DEPTH = 100
"""Levels of lists and objects in a row. Python's own limit depends on its version."""


def check_depth(value: object, brackets: int, where: str) -> None:
    """Raise DataError if `value` is nested too deep. `brackets`: number of opening brackets in its text."""
    if brackets > DEPTH and _depth(value) > DEPTH:
        raise _too_deep(where)


def unreadable(where: str, error: ValueError | RecursionError) -> DataError:
    """Return the error of valid JSON that Python cannot read."""
    if isinstance(error, RecursionError):
        return _too_deep(where)
    return DataError(f"{where}: a number has too many digits", "write it as text, or remove the field")


def _too_deep(where: str) -> DataError:
    return DataError(f"{where}: lists or objects are nested too deep", f"use at most {DEPTH} levels")


def _depth(value: object) -> int:
    """Return the levels of lists and objects in a JSON value."""
    levels, inside = 0, [value]
    while any(isinstance(one, dict | list) for one in inside):
        levels, inside = levels + 1, [item for one in inside for item in _items(one)]
    return levels


def _items(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return cast("dict[str, object]", value).values()
    return cast("list[object]", value) if isinstance(value, list) else ()
