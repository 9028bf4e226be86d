"""Decimal numbers as the user wrote them."""

from fractions import Fraction


def exact(number: float) -> Fraction:
    """Return the decimal number as the user wrote it: 0.1 is exactly 1/10, so that floors and ceilings are exact."""
    return Fraction(str(number))
