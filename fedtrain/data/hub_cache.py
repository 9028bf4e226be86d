"""Base models in the local cache of the Hugging Face Hub, and whether the hub can be reached."""

import socket
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies


def cached_folder(name: str, revision: str | None) -> Path | None:
    """Return the folder of a model in the local cache; None if it is not there, or if the hub's library is missing."""
    if revision is None:
        return None
    try:
        hub: Any = import_module("huggingface_hub")
        cached = hub.try_to_load_from_cache(name, "config.json", revision=revision)
    except (ImportError, ValueError):  # the hub's HFValidationError is a ValueError
        return None
    return Path(cached).parent if isinstance(cached, str) else None


def why_unreachable(resolve: Callable[[str, int], object] = socket.getaddrinfo) -> str | None:
    """Return why the hub cannot be reached; None if its name resolves. A proxy resolves names itself."""
    constants: Any = import_module("huggingface_hub.constants")
    if constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE is set"
    endpoint: str = constants.ENDPOINT
    place = urlsplit(endpoint)
    proxies = getproxies()
    if place.hostname is None or place.scheme in proxies or "all" in proxies:
        return None
    try:
        resolve(place.hostname, place.port or 443)
    except OSError:
        return f"{place.hostname} cannot be resolved"
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
    """Return what to do on a machine that reaches the hub."""
    folder = name.rpartition("/")[2]
    at = f" --revision {revision}" if revision else ""
    return (
        f"On a machine that reaches the hub, run `hf download {name}{at} --local-dir {folder}`, copy the folder here "
        f"and set model.base to ./{folder} without a revision"
    )
