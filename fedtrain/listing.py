"""Lists in sentences, for all messages."""

from collections.abc import Sequence


def listed(items: Sequence[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`; with another word than `and` before the last one. Empty for no items."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {last} {items[-1]}" if items else ""
