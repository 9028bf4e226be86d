"""Claims of a participant's token for the hub, a JSON Web Token. Pure: the hub verifies tokens."""

import base64
import json
from typing import Any

RENEWAL_SHARE = 0.1
"""Share of a token's life after which its participant renews it. The rest is the time that it may be offline."""


def issued_at(token: str) -> float:
    """Return the claim `iat`, in seconds since 1970; 0 for other tokens."""
    return _claim(token, "iat")


def expires_at(token: str) -> float:
    """Return the claim `exp`, in seconds since 1970; 0 for other tokens."""
    return _claim(token, "exp")


def offline_seconds(token: str) -> float:
    """Return how long a participant with tokens of this life may be offline; 0 for a token that does not expire."""
    return (1 - RENEWAL_SHARE) * (expires_at(token) - issued_at(token))


def _claim(token: str, name: str) -> float:
    try:
        payload = token.split(".")[1]
        claims: Any = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return float(claims[name])
    except (IndexError, KeyError, TypeError, ValueError):
        return 0.0
