"""YAML documents with the line and column of every key and value."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

from fedtrain.api.paths import Path
from fedtrain.api.reading.composer import BoundedComposer, TooLong
from fedtrain.api.reading.flaw import Flaw
from fedtrain.api.reading.flow_style import Literal
from fedtrain.api.reading.scalars import plain
from fedtrain.api.reading.unread_text import placeholders
from fedtrain.api.reading.yaml_errors import explain, not_yaml

_CORE = "tag:yaml.org,2002:"
Spot = tuple[int, int]
"""Line and column, from 1."""


@dataclass(frozen=True, eq=False)
class Located:
    """A value, its position, and its fields or items, each with the position of its key. `text`: a scalar without
    quotes as it is in the file, such as `0x10` for 16."""

    value: Any
    spot: Spot
    inside: dict[str | int, tuple[Spot, "Located"]] = field(default_factory=lambda: {})
    text: str | None = None

    def at(self, path: Path) -> Any:
        """The value at `path`; None if there is no value."""
        found = self._find(path)
        return found.value if found else None

    def text_at(self, path: Path) -> str | None:
        """The text of the scalar at `path`; None if there is none or it has quotes."""
        found = self._find(path)
        return found.text if found else None

    def as_written(self, path: Path) -> Any:
        """The value at `path`, each scalar without quotes as a Literal."""
        found = self._find(path)
        return found and found._written()

    def _written(self) -> Any:
        if isinstance(self.value, dict):
            return {name: located._written() for name, (_, located) in self.inside.items()}
        if isinstance(self.value, list):
            return [located._written() for _, located in self.inside.values()]
        return self.value if self.text is None or isinstance(self.value, str) else Literal(self.text)

    def _find(self, path: Path) -> "Located | None":
        here = self
        for step in path:
            if step not in here.inside:
                return None
            here = here.inside[step][1]
        return here

    def is_on_one_line(self, path: Path) -> bool:
        """Whether the value at `path` and all fields in it are on the line of its key."""
        found = self._find(path)
        return found is None or found.lines() <= {self.spot_of(path, key=True)[0]}

    def lines(self) -> set[int]:
        """The lines on which the value and all fields in it begin."""
        return {self.spot[0]}.union(*(located.lines() for _, located in self.inside.values()))

    def spot_of(self, path: Path, *, key: bool = False) -> Spot:
        """Position of the value at `path`: of a scalar itself, otherwise of its key (always with `key`). If there is
        no value, position of the nearest block around it."""
        spot, here = self.spot, self
        for step in path:
            if step not in here.inside:
                return spot
            spot, here = here.inside[step]
        return spot if key or here.value is None or isinstance(here.value, list | dict) else here.spot


def _second_document(node: Any) -> Flaw | None:
    """The flaw of a document with a second `apiVersion` or `kind`: the separator of two documents is missing."""
    seen: set[str] = set()
    for key, _ in node.value if node is not None and node.id == "mapping" else ():
        if key.value in seen and key.value in ("apiVersion", "kind"):
            spot = (key.start_mark.line + 1, key.start_mark.column + 1)
            return Flaw(spot, f"A second document begins here ({key.value} is set twice).", "Write `---` above it.")
        if key.id == "scalar":
            seen.add(key.value)
    return None


class Documents:
    """The documents of a text; `flaws` are errors of YAML, and unsupported features of it."""

    def __init__(self, text: str) -> None:
        self.flaws: list[Flaw] = []
        self.found: list[Located] = []
        self._seen: dict[int, Located] = {}
        self._with_map_as_key = False
        self._items: set[int] = set()  # ids of the nodes that are items of a list
        try:
            parser: Any = YAML(typ="safe", pure=True)  # its nodes are untyped
            parser.Composer = BoundedComposer
            for node in parser.compose_all(text):
                self._seen = {}
                if (repeated := _second_document(node)) is not None:
                    self.flaws, self.found = [repeated], []
                    return
                located = self._locate(node, ()) if node is not None else None
                if located is not None and located.value is not None:  # only comments
                    self.found.append(located)
            if self._with_map_as_key and (templates := placeholders(text)):
                self.flaws, self.found = templates, []
        except TooLong as error:
            self.flaws = [error.flaw]
            self.found = []
        except (MarkedYAMLError, ReaderError) as error:
            self.flaws = placeholders(text) or [explain(error, text)]
            self.found = []
        except (YAMLError, RecursionError) as error:
            self.flaws = [not_yaml((1, 1), str(error))]
            self.found = []

    def _locate(self, node: Any, around: tuple[int, ...]) -> Located:
        spot = (node.start_mark.line + 1, node.start_mark.column + 1)
        if id(node) in around:
            self.flaws.append(Flaw(spot, "This anchor contains an alias of itself.", "Replace the alias by a value."))
            return Located(None, spot)
        if id(node) not in self._seen:  # each alias returns the node of its anchor
            self._seen[id(node)] = self._build(node, spot, (*around, id(node)))
        return self._seen[id(node)]

    def _build(self, node: Any, spot: Spot, around: tuple[int, ...]) -> Located:
        if not str(node.tag).startswith(_CORE):
            self.flaws.append(Flaw(spot, f"The tag {node.tag} is not supported.", "Remove it."))
        if node.id == "mapping":
            fields = {key: (at, self._locate(value, around)) for key, at, value in self._pairs(node, around)}
            return Located({key: located.value for key, (_, located) in fields.items()}, spot, {**fields})
        if node.id == "sequence":
            self._items.update(map(id, node.value))
            items = [self._locate(item, around) for item in node.value]
            return Located([item.value for item in items], spot, {i: (item.spot, item) for i, item in enumerate(items)})
        text: str = node.value
        if "\0" in text:
            self.flaws.append(Flaw(spot, r"This value contains the null character (`\0`).", "Remove it."))
            text = text.replace("\0", "")
        if node.style is not None or node.tag == _CORE + "str":
            return Located(text, spot)
        return Located(plain(text), spot, text=text)

    def _one_of_two(self, node: Any, name: str, value: Any) -> str:
        """Return the fix of a field that a map has twice. If it is the first of an item, the dash of the next item is
        probably missing."""
        if id(node) not in self._items or node.value[0][0].value != name or value.id != "scalar":
            return "Remove one of the two."
        return f"Write `- {name}: {value.value}` if the next item of the list begins here, or remove one of the two."

    def _pairs(self, node: Any, around: tuple[int, ...]) -> Iterator[tuple[str, Spot, Any]]:
        """Keys, their positions and values: merged ones (`<<`) first, so that the map's own keys override them."""
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
                        self.flaws.append(Flaw(spot, "`<<` merges only maps.", "Write an alias of a map after it."))
                continue
            if key.id != "scalar" or (
                key.style is None and key.tag != _CORE + "str" and not isinstance(plain(key.value), str)
            ):
                self._with_map_as_key = self._with_map_as_key or key.id == "mapping"
                shown = key.value if key.id == "scalar" and key.value else "This key"
                self.flaws.append(Flaw(spot, f"{shown} is not a valid field name.", "Use a string."))
                continue
            name: str = key.value
            if name in own:
                message = f"{name} is set twice; the first is on line {own[name][0]}."
                self.flaws.append(Flaw(spot, message, self._one_of_two(node, name, value)))
                continue
            own[name] = spot
            pairs.append((name, spot, value))
        yield from (pair for pair in merged if pair[0] not in own)
        yield from pairs
