"""Paths of fields: `("spec", "participants", 1, "name")` is `spec.participants[1].name`."""

Path = tuple[str | int, ...]


def show(path: Path) -> str:
    """Return the path in the notation of error messages."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text
