"""Base models in the local Hugging Face cache, and whether Hugging Face can be reached."""

import socket
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

_SECONDS = 5.0
"""How long to wait for a connection."""
_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}


class Closable(Protocol):
    def close(self) -> object: ...


Connect = Callable[[tuple[str, int], float], Closable]
"""Opens a connection to a host and port. Raises OSError."""


def cached_folder(name: str, revision: str | None) -> Path | None:
    """Return the folder of a model in the local cache; None if it is not there, or if its library is missing."""
    if revision is None:
        return None
    try:
        hub: Any = import_module("huggingface_hub")
        cached = hub.try_to_load_from_cache(name, "config.json", revision=revision)
    except (ImportError, ValueError):  # HFValidationError is a ValueError
        return None
    return Path(cached).parent if isinstance(cached, str) else None


def why_unreachable(connect: Connect = socket.create_connection) -> str | None:
    """Return why Hugging Face cannot be reached; None if it, or the proxy before it, accepts a connection."""
    constants: Any = import_module("huggingface_hub.constants")
    if constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE is set"
    endpoint: str = constants.ENDPOINT
    hub = urlsplit(endpoint)
    if hub.hostname is None:
        return None
    proxies = {} if proxy_bypass(hub.hostname) else getproxies()
    proxy = proxies.get(hub.scheme) or proxies.get("all")
    place = urlsplit(proxy if "://" in proxy else f"http://{proxy}") if proxy else hub
    port = place.port or _PORTS.get(place.scheme, 443)
    name = f"the proxy {place.hostname}:{port}" if proxy else f"{place.hostname}"
    try:
        connect((place.hostname or "", port), _SECONDS).close()
    except socket.gaierror:
        return f"{name} cannot be resolved"
    except ConnectionRefusedError:
        return f"{name} refuses connections"
    except OSError:  # no answer in time, and no route
        return f"{name} cannot be reached"
    return None


def is_unresolved(error: BaseException) -> bool:
    """Whether `error` began with a name that cannot be resolved."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, socket.gaierror):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def fetch_elsewhere(name: str, revision: str | None) -> str:
    """Return what to do on a machine that reaches Hugging Face."""
    folder = name.rpartition("/")[2]
    at = f" --revision {revision}" if revision else ""
    return (
        f"On a machine that reaches Hugging Face, run `hf download {name}{at} --local-dir {folder}`, copy the folder "
        f"here, and set `model.base: ./{folder}` without `revision`"
    )
