"""Durations, sizes and times of day in other formats than fedtrain's."""

import re
from typing import Any

_UNITS = {
    "ms": "ms", "s": "s", "sec": "s", "secs": "s", "second": "s", "seconds": "s", "m": "m", "min": "m", "mins": "m",
    "minute": "m", "minutes": "m", "h": "h", "hr": "h", "hrs": "h", "hour": "h", "hours": "h", "d": "d", "day": "d",
    "days": "d",
}  # fmt: skip
_SIZES = {"k": "k", "m": "M", "g": "G", "t": "T"}


def without_unit(value: Any) -> str | None:
    """The number of a duration without a unit; None for other values."""
    found = re.fullmatch(r"[0-9]*[1-9][0-9]*", str(value).strip())
    return found[0] if found else None


def as_duration(value: Any) -> str | None:
    """`2h` for `2 hours`."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]+)", str(value).strip())
    return found[1] + _UNITS[found[2].lower()] if found and found[2].lower() in _UNITS else None


def as_time_of_day(value: Any) -> str | None:
    """`20:00` for `20`, `8 pm`, `20.00` or `20h`; None for other values."""
    found = re.fullmatch(r"([0-9]{1,2})(?:[:.h]?([0-9]{2}))?(?: ?(am|pm)|h)?", str(value).strip().lower())
    if found is None or isinstance(value, bool):
        return None
    hour, minute = int(found[1]), int(found[2] or 0)
    if found[3] is not None and 1 <= hour <= 12:
        hour = hour % 12 + (12 if found[3] == "pm" else 0)
    return f'"{hour % 24:02}:{minute:02}"' if hour <= 24 and minute < 60 else None


def as_quantity(value: Any) -> str | None:
    """`40G` for `40 GB`, `40Gi` for `40gib`."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value}Gi" if 0 < value < 1000 else f'"{value}"' if value else None
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([kmgtKMGT])(i?)[bB]?", str(value).strip())
    return (
        f"{found[1]}{_SIZES[found[2].lower()].upper() if found[3] else _SIZES[found[2].lower()]}{found[3]}"
        if found
        else None
    )
