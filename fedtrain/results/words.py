"""Formats numbers and paths for tables, cards and captions."""


def count(number: int | None) -> str:
    """`12,345`; a dash for None."""
    return "–" if number is None else f"{number:,}"


def size(count: float | None) -> str:
    """Bytes in decimal units: `310 kB`."""
    if count is None:
        return "–"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if count < 999.5 or unit == "TB":
            return f"{count:.0f} {unit}" if unit == "B" or count >= 99.5 else f"{count:.3g} {unit}"
        count /= 1000
    raise AssertionError


def duration(seconds: float | None) -> str:
    """`4.2 s`, `3 min 05 s`, `2 h 07 min`."""
    if seconds is None:
        return "–"
    if seconds < 99.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def sentence(text: str) -> str:
    """Return a note as a sentence of a page; empty for an empty note."""
    return f"{text[0].upper()}{text[1:]}." if text else ""


def short(digest: str | None) -> str:
    """`blake3:` and the first 12 digits."""
    return "–" if digest is None else digest[: len("blake3:") + 12]
