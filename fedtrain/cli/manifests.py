"""Kubernetes objects as text that kubectl takes."""

import json
import re
import sys
from io import StringIO
from typing import Any, cast

from ruamel.yaml import YAML
from ruamel.yaml.representer import RoundTripRepresenter

_PLAIN = re.compile(r"[A-Za-z][-A-Za-z0-9_./]*")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
"""What kubectl's YAML takes for something else than text."""


class _Quoting(RoundTripRepresenter):
    """Text that could be anything else stands in quotes, whichever YAML reads it; what is there twice stands twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(representer: Any, value: str) -> Any:
    plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS
    return representer.represent_scalar("tag:yaml.org,2002:str", value, style=None if plain else '"')


cast(Any, _Quoting).add_representer(str, _text)


def as_yaml(objects: list[dict[str, Any]]) -> str:
    """A document each."""
    writer: Any = YAML()
    writer.Representer = _Quoting
    writer.width = sys.maxsize
    writer.explicit_start = True
    out = StringIO()
    writer.dump_all(objects, out)
    return out.getvalue()


def as_json(objects: list[dict[str, Any]]) -> str:
    """One List."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}, indent=2, ensure_ascii=False) + "\n"
