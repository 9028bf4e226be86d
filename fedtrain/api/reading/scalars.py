"""What a plain (unquoted) scalar is under YAML 1.2's core schema, which kubectl's parser agrees with where fedtrain's
fields are concerned: `2e-4` is a number, `yes`, `on`, `1_000`, `12:30` and `2026-01-01` are text."""

import re

_NULL = {"", "~", "null", "Null", "NULL"}
_BOOLEANS = {word: value for value in (True, False) for word in (str(value), str(value).lower(), str(value).upper())}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"([-+]?)\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_LONGEST = 400
"""Python refuses to read integers of more than 4300 digits; no number in the file has as many as this."""


def plain(text: str) -> str | int | float | bool | None:
    """The value of a plain scalar."""
    if text in _NULL:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if len(text) > _LONGEST:
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    if special := _SPECIAL.fullmatch(text):
        return float("nan") if special[3] else float(f"{special[1]}inf")
    return text
