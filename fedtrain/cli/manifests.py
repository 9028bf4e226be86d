"""Writes Kubernetes objects as YAML or JSON for kubectl."""

import json
import re
import sys
from io import StringIO
from typing import Any, cast

from ruamel.yaml import YAML
from ruamel.yaml.representer import RoundTripRepresenter

_PLAIN = re.compile(r"[A-Za-z][-A-Za-z0-9_./]*")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
"""Words that kubectl's YAML does not read as text."""


class _Quoting(RoundTripRepresenter):
    """Quotes text that a YAML reader could take for another type; writes no anchors and aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(representer: Any, value: str) -> Any:
    plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS
    return representer.represent_scalar("tag:yaml.org,2002:str", value, style=None if plain else '"')


cast(Any, _Quoting).add_representer(str, _text)


def as_yaml(objects: list[dict[str, Any]]) -> str:
    """One document per object."""
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
