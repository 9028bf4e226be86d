"""How a participant reaches the hub's API server."""

from collections.abc import Iterable
from pathlib import Path

import kopf

from fedtrain.manifests.settings import Hub
from fedtrain.manifests.token_claims import issued_at

RENEWED_TOKEN = "renewed-token"
TOKENS = ("token", RENEWED_TOKEN)
"""Files of the credentials folder: the invitation's token, and the one that the operator has renewed."""
AUTHORITY = "ca.crt"


def connection(hub: Hub) -> kopf.ConnectionInfo:
    """Read the credentials folder as it is now. Raises kopf.LoginError without a token."""
    return kopf.ConnectionInfo(
        server=hub.server,
        ca_data=_read(Path(hub.credentials) / AUTHORITY),
        token=current_token(hub),
        proxy_url=hub.proxy,
        trust_env=hub.proxy is None,
    )


def current_token(hub: Hub) -> str:
    """Return the newest token of the credentials folder. Raises kopf.LoginError if there is none."""
    folder = Path(hub.credentials)
    token = newest(_read(folder / name) for name in TOKENS)
    if token is None:
        raise kopf.LoginError(f"{folder} has no token. Set the chart's value hub.token to the invitation's token.")
    return token


def newest(tokens: Iterable[str | None]) -> str | None:
    """Return the token that was issued last, so that a new invitation outranks a renewed token of an earlier one."""
    return max((token for token in tokens if token), key=issued_at, default=None)


def _read(path: Path) -> str | None:
    """The content; None if the file is missing or empty."""
    try:
        return path.read_text().strip() or None
    except FileNotFoundError:
        return None
