"""Moments as the API writes them."""

from datetime import UTC, datetime


def seconds_of(instant: str) -> float:
    """Seconds since 1970 of what `instant` wrote."""
    return datetime.fromisoformat(instant).timestamp()


def instant(seconds: float) -> str:
    """RFC 3339 of seconds since 1970: `2025-06-01T12:00:00Z`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
