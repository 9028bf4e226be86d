"""Patterns of a policy's lists."""

import re


def matches(pattern: str, text: str, within: str = ".") -> bool:
    """Whether `*` in `pattern` can stand for characters of the class `within` so that it equals `text`."""
    parts = (re.escape(part) for part in pattern.split("*"))
    return re.fullmatch(f"{within}*".join(parts), text, re.DOTALL) is not None
