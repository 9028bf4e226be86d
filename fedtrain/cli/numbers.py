"""Whole numbers as values of options."""

from typing import Any

import click


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
