"""Text that somebody else has written, for terminals."""


def plain_text(text: str) -> str:
    """Return the text in one line and without control characters, which could change what a terminal shows."""
    return "".join(one if one.isprintable() else " " for one in text)
