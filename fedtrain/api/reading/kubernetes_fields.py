"""Errors in fields of Kubernetes pods that fedtrain passes on, such as the source of a volume.

Kubernetes would report them for each pod, hours after `kubectl apply`. `kubernetes_fields.json` has the fields of each
type; `python -m hack.kubernetes_fields` writes it. Unknown fields are passed on, unless they resemble a known one: a
newer Kubernetes may have them."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path as File
from typing import Any

from pydantic.fields import FieldInfo

from fedtrain.api.base import AMOUNT_PATTERN, Block
from fedtrain.api.paths import Path
from fedtrain.api.pods import NodeAffinity, PodAffinity, SELinuxOptions, TopologySpreadConstraint, Volume, VolumeMount
from fedtrain.api.reading.document_error import DocumentError
from fedtrain.api.reading.flow_style import flow
from fedtrain.api.reading.formatting import is_list, is_map, shown, typed
from fedtrain.api.reading.type_errors import translate
from fedtrain.api.shapes import FieldOf, Shape, block_of, describe, fields_of
from fedtrain.api.similar_words import nearest
from fedtrain.listing import listed

_TYPES: Mapping[type[Block], str] = {
    one: one.__name__
    for one in (Volume, VolumeMount, NodeAffinity, PodAffinity, TopologySpreadConstraint, SELinuxOptions)
}
_SCALARS: Mapping[str, Shape] = {
    "string": Shape(kind="Text"),
    "integer": Shape(kind="Integer"),
    "boolean": Shape(kind="Switch"),
    "amount": Shape(kind="Text", pattern=AMOUNT_PATTERN),
}
_SIMILAR = 0.8
"""How similar an unknown field must be to a known one to be refused."""


def kubernetes_errors(root: type[Block], raw: Any, text_at: Callable[[Path], str | None]) -> Iterator[DocumentError]:
    """Yield the errors in the blocks of `raw`, a document of type `root`, that pass on fields of Kubernetes.
    `text_at`: a number or boolean as it is in the file."""
    for block, path, value in _passed_on(root, raw, ()):
        own = fields_of(block)
        rest = {name: one for name, one in value.items() if name not in own}
        if rest:  # so that files without such fields do not load the table
            known = {name: one for name, one in _fields_of_types()[_TYPES[block]].items() if name not in own}
            yield from _Check(text_at).fields(_TYPES[block], known, rest, path)


def _passed_on(block: type[Block], raw: Any, path: Path) -> Iterator[tuple[type[Block], Path, dict[str, Any]]]:
    """The maps at or below `path` whose block passes on fields."""
    if not is_map(raw):
        return
    if block in _TYPES:
        yield block, path, raw
        return
    for name, field in fields_of(block).items():
        inner = block_of(field.shape)
        if inner is None or name not in raw:
            continue
        if is_list(raw[name]):
            for number, item in enumerate(raw[name]):
                yield from _passed_on(inner, item, (*path, name, number))
        else:
            yield from _passed_on(inner, raw[name], (*path, name))


@cache
def _fields_of_types() -> dict[str, dict[str, str]]:
    return json.loads(File(__file__).with_suffix(".json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class _Check:
    text_at: Callable[[Path], str | None]

    def fields(self, kind: str, known: Mapping[str, str], value: dict[str, Any], path: Path) -> Iterator[DocumentError]:
        """Errors in a map whose fields are `known`."""
        misspelt = {name: near for name in value if name not in known and (near := _meant(name, known, value))}
        for name, content in value.items():
            if name in known:
                yield from self.value(name, known[name].removesuffix("!"), content, (*path, name))
            elif name in misspelt:
                message = f"{name} is not a field of a Kubernetes {kind}."
                yield DocumentError((*path, name), message, f"Did you mean `{misspelt[name]}`?", at_key=True)
        for name in _required(known):
            if name not in value and name not in misspelt.values():
                message = f"{name} is required."
                yield DocumentError(path, message, f"Add it: {_expected(known[name].removesuffix('!'))}.", at_key=True)
        if kind == "Volume" and len(sources := [name for name in value if name in known]) > 1:
            message = f"The volume has {len(sources)} sources: {listed(sources)}."
            yield DocumentError((*path, sources[1]), message, "Keep one of them.", at_key=True)

    def value(self, name: str, kind: str, value: Any, path: Path) -> Iterator[DocumentError]:
        """Errors in the value of a field, or of an item of it."""
        if kind == "any":
            return
        if value is None:
            fix = "Write `emptyDir: {}`." if name == "emptyDir" else f"Write {_expected(kind)}, or remove the line."
            yield DocumentError(path, f"{name} is empty.", fix)
        elif kind.startswith("["):
            yield from self._list(name, kind[1:-1], value, path)
        elif kind.startswith("{"):
            if not is_map(value):
                fix = f"Use names and values, such as `{name}: {{a: b}}`."
                yield DocumentError(path, f"{self._shown(value, path)} is not a map.", fix)
                return
            for key, item in value.items():
                yield from self.value(key, kind[1:-1], item, (*path, key))
        elif kind in _SCALARS or "|" in kind:
            yield from self._scalar(name, kind, value, path)
        elif not is_map(value):
            message = f"{name} must be a map, not a list." if is_list(value) else None
            fix = f"Write {_map_of(kind, value)}."
            yield DocumentError(path, message or f"{self._shown(value, path)} is not a map.", fix)
        else:
            yield from self.fields(kind, _fields_of_types()[kind], value, path)

    def _list(self, name: str, item: str, value: Any, path: Path) -> Iterator[DocumentError]:
        if not is_list(value):
            message = f"{name} must be a list, not a map." if is_map(value) else None
            fix = "Begin each item with a dash: `- `." if is_map(value) else f"Write `{name}: {flow([value])}`."
            yield DocumentError(path, message or f"{self._shown(value, path)} is not a list.", fix)
            return
        for number, one in enumerate(value):
            yield from self.value(name, item, one, (*path, number))

    def _scalar(self, name: str, kind: str, value: Any, path: Path) -> Iterator[DocumentError]:
        shape = _shape(kind)
        if not _fits(shape, kind, value):
            field = FieldOf(name, name, FieldInfo(), shape)
            details: Any = {"type": "value_error", "input": value}
            yield DocumentError(path, *translate(details, field, False, self.text_at(path)))

    def _shown(self, value: Any, path: Path) -> str:
        return shown(value, self.text_at(path))


def _shape(kind: str) -> Shape:
    return _SCALARS.get(kind) or Shape(kind="Choice", choices=tuple(word for word in kind.split("|") if word))


def _fits(shape: Shape, kind: str, value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    match shape.kind:
        case "Integer":
            return number and isinstance(value, int)
        case "Switch":
            return isinstance(value, bool)
        case "Choice":
            return value in kind.split("|")
        case _ if shape.pattern:  # an amount, which Kubernetes also takes as a number
            return number or (isinstance(value, str) and re.search(shape.pattern, value) is not None)
        case _:
            return isinstance(value, str)


def _required(known: Mapping[str, str]) -> list[str]:
    return [name for name, kind in known.items() if kind.endswith("!")]


def _meant(name: str, known: Mapping[str, str], value: Mapping[str, Any]) -> str | None:
    """Return the known field that an unknown one misspells. A missing field that is required is meant sooner."""
    missing = [one for one in _required(known) if one not in value]
    near = nearest(name, missing) or nearest(name, known, cutoff=_SIMILAR)
    return near if near not in value else None


def _map_of(kind: str, value: Any) -> str:
    """What to write instead of `value` where a map is needed: the map with the value, where one field can be meant."""
    known = _fields_of_types()[kind]
    needed = _required(known) or [name for name in ("name", "secretName", "medium") if name in known][:1]
    alone = len(needed) == 1 and known[needed[0]].removesuffix("!") == "string"
    if alone and isinstance(value, str):
        return f"`{flow({needed[0]: value})}`"
    return _expected(kind)


def _expected(kind: str) -> str:
    """The valid values of a type, as a phrase."""
    if kind in _SCALARS or "|" in kind:
        return describe(_shape(kind))
    if kind.startswith("["):
        return "a list"
    if kind.startswith("{"):
        return "a map of names and values"
    known = _fields_of_types()[kind]
    return f"a map with {listed(typed(_required(known))) if _required(known) else listed(typed(known), 'or')}"
