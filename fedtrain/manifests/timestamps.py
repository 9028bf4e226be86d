"""Times as the Kubernetes API writes them."""

from datetime import UTC, datetime


def seconds_of(instant: str) -> float:
    """Seconds since 1970 of an RFC 3339 time."""
    return datetime.fromisoformat(instant).timestamp()


def instant(seconds: float) -> str:
    """RFC 3339 of seconds since 1970: `2025-06-01T12:00:00Z`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def precise_instant(nanoseconds: int) -> str:
    """RFC 3339 of nanoseconds since 1970, with microseconds: `2025-06-01T12:00:00.000001Z`."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1000:06}Z"
