"""YAML documents with the line and column of every key and value."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

from fedtrain.api.paths import Path
from fedtrain.api.reading.composer import BoundedComposer, TooLong
from fedtrain.api.reading.scalars import plain
from fedtrain.api.reading.syntax import Flaw, explain

_CORE = "tag:yaml.org,2002:"
Spot = tuple[int, int]
"""Line and column, from 1."""


@dataclass(frozen=True, eq=False)
class Located:
    """A value, where it starts, and its fields or items: each with where its key starts."""

    value: Any
    spot: Spot
    inside: dict[str | int, tuple[Spot, "Located"]] = field(default_factory=lambda: {})

    def at(self, path: Path) -> Any:
        """The value at `path`; None where there is none."""
        here = self
        for step in path:
            if step not in here.inside:
                return None
            here = here.inside[step][1]
        return here.value

    def spot_of(self, path: Path, *, key: bool = False) -> Spot:
        """Where the value at `path` is: a scalar's own place, else that of its key (always with `key`). Where there
        is no value, the nearest block around it."""
        spot, here = self.spot, self
        for step in path:
            if step not in here.inside:
                return spot
            spot, here = here.inside[step]
        return spot if key or here.value is None or isinstance(here.value, list | dict) else here.spot


class Documents:
    """The documents of a text; `flaws` are what YAML itself or fedtrain's use of it does not allow."""

    def __init__(self, text: str) -> None:
        self.flaws: list[Flaw] = []
        self.found: list[Located] = []
        self._seen: dict[int, Located] = {}
        try:
            parser: Any = YAML(typ="safe", pure=True)  # its nodes are untyped
            parser.Composer = BoundedComposer
            for node in parser.compose_all(text):
                self._seen = {}
                located = self._locate(node, ()) if node is not None else None
                if located is not None and located.value is not None:  # nothing but comments
                    self.found.append(located)
        except TooLong as error:
            self.flaws = [error.flaw]
            self.found = []
        except (MarkedYAMLError, ReaderError) as error:
            self.flaws = [explain(error, text)]
            self.found = []
        except (YAMLError, RecursionError) as error:
            self.flaws = [Flaw((1, 1), f"This is not YAML: {error}.", "")]
            self.found = []

    def _locate(self, node: Any, around: tuple[int, ...]) -> Located:
        spot = (node.start_mark.line + 1, node.start_mark.column + 1)
        if id(node) in around:
            self.flaws.append(Flaw(spot, "This anchor holds an alias of itself.", "Write the value out."))
            return Located(None, spot)
        if id(node) not in self._seen:  # an anchor's node comes again with each of its aliases
            self._seen[id(node)] = self._build(node, spot, (*around, id(node)))
        return self._seen[id(node)]

    def _build(self, node: Any, spot: Spot, around: tuple[int, ...]) -> Located:
        if not str(node.tag).startswith(_CORE):
            self.flaws.append(Flaw(spot, f"The tag {node.tag} means nothing here.", "Remove it."))
        if node.id == "mapping":
            fields = {key: (at, self._locate(value, around)) for key, at, value in self._pairs(node, around)}
            return Located({key: located.value for key, (_, located) in fields.items()}, spot, {**fields})
        if node.id == "sequence":
            items = [self._locate(item, around) for item in node.value]
            return Located([item.value for item in items], spot, {i: (item.spot, item) for i, item in enumerate(items)})
        text: str = node.value
        return Located(text if node.style is not None or node.tag == _CORE + "str" else plain(text), spot)

    def _pairs(self, node: Any, around: tuple[int, ...]) -> Iterator[tuple[str, Spot, Any]]:
        """Keys, their places and values: merged ones (`<<`) first, so that the mapping's own win."""
        own: dict[str, Spot] = {}
        merged: list[tuple[str, Spot, Any]] = []
        pairs: list[tuple[str, Spot, Any]] = []
        for key, value in node.value:
            spot = (key.start_mark.line + 1, key.start_mark.column + 1)
            if key.tag == _CORE + "merge":
                for part in value.value if value.id == "sequence" else [value]:
                    if part.id == "mapping" and id(part) not in around:
                        merged[:0] = self._pairs(part, (*around, id(part)))  # of two merged maps the first wins
                    else:
                        self.flaws.append(Flaw(spot, "`<<` merges maps only.", "Write an alias of a map after it."))
                continue
            if key.id != "scalar" or (
                key.style is None and key.tag != _CORE + "str" and not isinstance(plain(key.value), str)
            ):
                shown = f"{key.value} is" if key.id == "scalar" and key.value else "This is"
                self.flaws.append(Flaw(spot, f"{shown} no name of a field.", "Names of fields are text."))
                continue
            name: str = key.value
            if name in own:
                message = f"{name} is there twice; it is on line {own[name][0]} already."
                self.flaws.append(Flaw(spot, message, "Remove one of the two."))
                continue
            own[name] = spot
            pairs.append((name, spot, value))
        yield from (pair for pair in merged if pair[0] not in own)
        yield from pairs
