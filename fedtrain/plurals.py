"""Numbers with nouns and verbs that agree with them, for all messages."""


def several(number: float, one: str, many: str | None = None) -> str:
    """`1 round`, `3 rounds`, `1,000 rows`, `0.5 epochs`. `many`: the plural, if it is not `one` with an s."""
    shown = f"{number:,}" if isinstance(number, int) else f"{number:g}"
    return f"{shown} {form(number, one, many or one + 's')}"


def form(number: float, one: str, many: str) -> str:
    """Return the form that agrees with the number, such as `is` or `are`."""
    return one if number == 1 else many
