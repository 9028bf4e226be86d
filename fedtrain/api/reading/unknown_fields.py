"""Unknown fields: the field that is meant, and how to write it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from fedtrain.api.base import Block, Union
from fedtrain.api.examples import example
from fedtrain.api.participant_record import ParticipantRecord
from fedtrain.api.paths import Path, show
from fedtrain.api.reading.container_resources import as_compute
from fedtrain.api.reading.documents import Located
from fedtrain.api.reading.flow_style import Literal, flow
from fedtrain.api.reading.formatting import is_map
from fedtrain.api.reading.kinds import moved_to_other_kind
from fedtrain.api.reading.location_of_rows import location_of_rows
from fedtrain.api.reading.meant_fields import blocks, is_chosen, meant_field
from fedtrain.api.reading.one_value import as_endpoint
from fedtrain.api.reading.other_names import INSTEAD
from fedtrain.api.reading.variants import variants
from fedtrain.api.reading.yaml_errors import assigned
from fedtrain.api.shapes import block_at, block_of, field_at, fields_of
from fedtrain.api.similar_words import plain_form

_LONGEST = 120
"""Characters of a block that a message shows."""

_ADDRESSES = {"address", "apiserver", "endpoint", "host", "hostname", "ip", "kubeconfig", "port", "server", "url"}
"""Names, in plain form, of a participant's address."""


def unknown_field(root: type[Block], path: Path, document: Located) -> tuple[str, str]:
    """Message and fix for an unknown field at `path`."""
    name, around = str(path[-1]), path[:-1]
    block = block_at(root, around) or root
    message = f"{name} is not a field of {show(around) or 'the document'}."
    key, colon, value = name.partition(":")
    if colon and value and document.at(path) is None:
        return message, f"Write `{key}: {value}`, with a space after the colon."
    used = document.at(path)
    if used is None and (written := assigned(name)):
        return message, f"Write `{written}`."
    if named_by_key(root, around, document):
        fields = document.as_written(path)
        item = flow({"name": Literal(name), **fields}) if is_map(fields) and fields else f"name: {name}"
        return message, f"Write `- {item}`."
    if isinstance(used, str) and used in fields_of(block):
        return message, f"Write `{used}: {name}`: fedtrain's own name comes first."
    if name == "resources" and "compute" in fields_of(block) and (compute := as_compute(document.as_written(path))):
        written = f"compute: {flow(compute)}"
        if document.at((*around, "compute")) is None:
            return message, f"Write `{written}` instead."
        return message, f"Remove it; `compute` sets what it means: `{written}`."
    meant = meant_field(root, path, document)
    if meant is None:
        return message, _without(name, block, root, document.at(path))
    if document.at(meant) is not None:
        line = document.spot_of(meant, key=True)[0]
        if is_map(document.at(path)):
            return message, f"Move its fields to `{show(meant)}` on line {line}."
        if meant[-1] != name:
            return message, f"Remove `{name}` here; {show(meant)} on line {line} sets it."
        return message, f"Remove `{name}` here: `{name}` belongs to {show(meant[:-1])}, where line {line} sets it."
    if meant[:-1] == around:
        inner = block_of(fields_of(block)[str(meant[-1])].shape)
        if inner is not None and isinstance(used_value := document.as_written(path), str) and not inner.unions:
            required = [field for field, of in fields_of(inner).items() if of.required]
            if len(required) == 1:
                return message, f"Write `{meant[-1]}: {flow({required[0]: used_value})}`."
        forms = variants(inner, document.at(path)) if inner is not None and not is_map(document.at(path)) else []
        return message, f"Write `{meant[-1]}: {forms[0]}`." if len(forms) == 1 else f"Did you mean `{meant[-1]}`?"
    return message, _Moved(root, path, meant, document).fix


def named_by_key(root: type[Block], item: Path, document: Located) -> bool:
    """Whether the item of a list is a map with one unknown key: its name, as in `- bank-a: {}`."""
    block, found = block_at(root, item), document.at(item)
    if block is None or not item or not isinstance(item[-1], int) or not is_map(found) or len(found) != 1:
        return False
    (key, value), known = next(iter(found.items())), fields_of(block)
    name = known.get("name")
    is_name = name is not None and name.required and key not in known
    return is_name and (value is None or (is_map(value) and set(value) <= set(known)))


@dataclass(frozen=True)
class _Moved:
    """An unknown field at `path` that belongs to another block, at `meant`."""

    root: type[Block]
    path: Path
    meant: Path
    document: Located

    @property
    def fix(self) -> str:
        around = self.path[:-1]
        if self._union(self.meant) and len(self.meant) > len(around) + 2:
            return self._as_block(self.meant[:-2])  # only the block whose type changes
        if self.meant[: len(around)] == around:
            return self._as_block(around)
        if (lists := self._list()) is not None:
            content = self._filled({}, self.meant[len(lists) :], self.document.as_written(self.path), lists)
            return f"Remove it, and add `{flow(content)[1:-1]}` to each item of {show(lists)}."
        if self._union(self.meant[:-1]) or self._union(self.meant):
            return self._as_block(self.meant[:-2])
        block = self.meant[:-1]
        if self.document.at(block) is None and (others := self._required(block, {str(self.meant[-1]): None})):
            content = flow({**others, str(self.meant[-1]): self.document.as_written(self.path)})
            return f"Remove it, and write `{block[-1]}: {content}` in {show(block[:-1])}."
        return f"Move it to `{show(self.meant)}`."

    def _as_block(self, around: Path) -> str:
        """The fix for a field of a block in `around`: the whole block, with the other unknown fields that belong to
        it."""
        name = str(self.meant[len(around)])
        target = (*around, name)
        raw = self.document.as_written(target)
        content: dict[str, Any] = raw if is_map(raw) else {}
        for path, meant in self._moved_together(target):
            content = self._filled(content, meant[len(target) :], self.document.as_written(path), target)
        content = {**content, **self._required(target, content)}
        text = f"{name}: {flow(content)}"
        if len(text) > _LONGEST:
            return f"Move it to `{show(self.meant)}`."
        also = self._discriminator(around, name)
        where = "" if around == self.path[:-1] else f" in {show(around)}"
        if around == self.path[:-2] and self._is_whole(self.path[:-1], target) and raw is None:
            return f"Write {also}`{text}` instead of `{self.path[-2]}`."
        if raw is not None:
            line = self.document.spot_of(target, key=True)[0]
            if not self.document.is_on_one_line(target):
                below = flow(self._filled({}, self.meant[len(target) :], self.document.as_written(self.path)))[1:-1]
                changed = self._union(self.meant)
                return (
                    f"Remove it, and replace `{name}` on line {line} by {also}`{text}`."
                    if changed
                    else f"Remove it, and add `{below}` to `{name}` on line {line}."
                )
            return f"Remove it, and change line {line} to {also}`{text}`."
        return f"Write {also}`{text}`{where} instead."

    def _required(self, target: Path, content: dict[str, Any]) -> dict[str, Any]:
        """Examples of the required fields that the block at `target` lacks."""
        fields = fields_of(block_at(self.root, blocks(target)) or self.root)
        return {
            name: Literal(example(name, field.shape))
            for name, field in fields.items()
            if field.required and name not in content
        }

    def _is_whole(self, block: Path, target: Path) -> bool:
        """Whether all fields of a block belong to `target`, so that nothing of it remains."""
        names = self.document.at(block)
        return is_map(names) and all(
            meant is not None and meant[: len(target)] == target
            for meant in (meant_field(self.root, (*block, name), self.document) for name in names)
        )

    def _moved_together(self, target: Path) -> Iterator[tuple[Path, Path]]:
        """Yield this field and the unknown fields beside it that belong to the same block, with their places."""
        around = self.path[:-1]
        beside = self.document.at(around)
        known = fields_of(block_at(self.root, around) or self.root)
        for name in beside if is_map(beside) and target[:-1] == around else [self.path[-1]]:
            if name in known:
                continue
            meant = meant_field(self.root, (*around, name), self.document)
            if meant is not None and meant[: len(target)] == target and len(meant) > len(target):
                yield (*around, name), meant

    def _filled(self, content: dict[str, Any], rest: Path, value: Any, around: Path = ()) -> dict[str, Any]:
        """Return `content` with `value` at `rest`, and with the types that select the blocks on the way."""
        step, *further = rest
        inner = content.get(str(step))
        within = (*around, step)
        block = block_at(self.root, blocks(around)) if around else None
        for union in block.unions if block else ():
            if (choice := union.value_of(step)) is not None:
                other = set(union.members.values()) - {step}
                kept = {name: one for name, one in content.items() if name not in other}
                content = {union.discriminator: choice, **kept, union.discriminator: choice}
        if further:
            value = self._filled({**inner} if is_map(inner) else {}, tuple(further), value, within)
        return {**content, str(step): as_endpoint(value) if step == "endpoint" else value}

    def _discriminator(self, around: Path, name: str) -> str:
        """Return the type to set in `around` so that it has the block `name`, if it is another one now."""
        for union in self._union((*around, name)):
            if not is_chosen(self.root, (*around, name), self.document):
                return f"`{union.discriminator}: {union.value_of(name)}` and "
        return ""

    def _union(self, path: Path) -> Sequence[Union]:
        """Return the unions in which the field at `path` is a member."""
        block = block_at(self.root, blocks(path[:-1]))
        return [union for union in (block.unions if block else ()) if union.value_of(path[-1]) is not None]

    def _list(self) -> Path | None:
        """Return the list whose items have the meant field, unless the unknown field is in one of them."""
        for end in range(1, len(self.meant)):
            field = field_at(self.root, self.meant[:end])
            if isinstance(self.meant[end], int):
                return None
            if field is not None and field.shape.kind == "List" and blocks(self.path)[:end] != self.meant[:end]:
                return self.meant[:end]
        return None


def _without(name: str, block: type[Block], root: type[Block], value: Any) -> str:
    """The fix for a field that a document of the kind `root` does not have."""
    if advice := INSTEAD.get(plain_form(name)) or location_of_rows(block, name):
        return f"{advice}."
    if root is ParticipantRecord and plain_form(name) in _ADDRESSES:
        return "Remove it: the hub does not connect to a participant; the participant's operator connects to the hub."
    if moved := moved_to_other_kind(root, name, value):
        return moved
    return f"Remove it; valid fields are {', '.join(f'`{one}`' for one in fields_of(block))}."
