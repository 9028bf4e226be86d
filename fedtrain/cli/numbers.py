"""Numbers as values of options."""

import re
from typing import Any

import click

_IS_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?%?").fullmatch


class WholeNumber(click.IntRange):
    """A whole number in a range. Its errors say which numbers are valid."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            least = f"a whole number of {self.min} or more"
            valid = least if self.max is None else f"a whole number from {self.min} to {self.max}"
            self.fail(f"{value!r} is out of range or not a number. Use {valid}.", param, ctx)


class Number(click.types.FloatParamType):
    """A number, in a range if that is given. Its errors say what to write for a percentage and for a decimal comma."""

    name = "number"

    def __init__(self, min: float | None = None, max: float | None = None) -> None:
        self._range = None if min is None or max is None else (min, max)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            found = super().convert(value, param, ctx)
        except click.BadParameter:
            text = str(value).strip().replace(",", ".")
            meant = f"{float(text.rstrip('%')) / (100 if text.endswith('%') else 1):g}" if _IS_NUMBER(text) else "0.5"
            self.fail(f"{value!r} is not a number. Use a number, such as `{meant}`.", param, ctx)
        if self._range is not None and not self._range[0] <= found <= self._range[1]:
            self.fail(
                f"{value} is out of range. Use a number from {self._range[0]:g} to {self._range[1]:g}.", param, ctx
            )
        return found
