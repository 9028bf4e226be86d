"""The environment of a container, as a kubelet makes it."""

import re
from collections.abc import Mapping
from typing import Any

_REFERENCE = re.compile(r"\$(?:(\$)|\((.*?)\))")


def environment_of(container: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables that have a value: `$(NAME)` is a variable further up, and `$$` a dollar sign."""
    found: dict[str, str] = {}

    def meant(match: re.Match[str]) -> str:
        dollar, name = match.groups()
        return dollar or found.get(name, match[0])

    for item in container["env"]:
        if "value" in item:
            found[item["name"]] = _REFERENCE.sub(meant, item["value"])
    return found
