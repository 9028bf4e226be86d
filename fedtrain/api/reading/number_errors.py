"""Messages for a value that is not a number of its field."""

import re
from decimal import Decimal
from typing import Any

from fedtrain.api.reading.formatting import as_number, shown
from fedtrain.api.reading.scalars import plain
from fedtrain.api.reading.variants import in_range, takes
from fedtrain.api.shapes import Shape, describe


def number(value: Any, shape: Shape, text: str | None) -> tuple[str, str]:
    """Message and fix for `value`, which is not a number of this shape. `text`: the value as it is in the file."""
    expected = f"Use {describe(shape)}."
    if isinstance(value, str):
        written = _grouped(value, shape) or as_number(value)
        if written is None:
            first = as_number(value.split(maxsplit=1)[0]) if value.strip() else None
            fits = first is not None and takes(shape, plain(first))
            return f"{shown(value, text)} is a string, not a number.", f"Write `{first}`." if fits else expected
        if written == value:
            return f"{shown(value, text)} is a string because of its quotes.", f"Remove the quotes: `{written}`."
        if value.strip().endswith("%") and (fraction := _as_fraction(written, shape, unbounded=True)):
            fix = f"Write `{fraction}`." if in_range(float(fraction), shape) else expected
            return f"{shown(value, text)} is a string, not a number.", fix
        return f"{shown(value, text)} is a string, not a number.", f"Write `{written}`."
    if not isinstance(value, int | float) or isinstance(value, bool):
        return f"{shown(value, text)} is not a number.", expected
    if shape.kind == "Integer" and isinstance(value, float):
        if value.is_integer():
            part = "an exponent" if text is not None and "." not in text else "a decimal point"
            return f"{shown(value, text)} has {part}.", f"Write `{int(value)}`."
        return f"{shown(value, text)} is not a whole number.", expected
    if 1 < value <= 100 and (fraction := _as_fraction(str(value), shape)) and in_range(float(fraction), shape):
        return f"{shown(value, text)} is out of range.", f"{expected[:-1]}, such as `{fraction}` for {text or value}%."
    return f"{shown(value, text)} is out of range.", expected


def _grouped(text: str, shape: Shape) -> str | None:
    """Return `1024` for `1,024` in a field of whole numbers."""
    groups = shape.kind == "Integer" and re.fullmatch(r"[1-9][0-9]{0,2}(,[0-9]{3})+", text.strip())
    return text.strip().replace(",", "") if groups else None


def _as_fraction(percentage: str, shape: Shape, *, unbounded: bool = False) -> str | None:
    """Return `0.1` for `10` if the field is a fraction, or `unbounded` if it has no maximum; None if it is a number of
    percents."""
    largest = shape.below if shape.below is not None else shape.maximum
    if (largest is None and not unbounded) or (largest is not None and largest > 1):
        return None
    return f"{Decimal(percentage).scaleb(-2).normalize():f}"
