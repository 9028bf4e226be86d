"""An example of the name of a list's item that no other item of the list has."""

from collections.abc import Mapping
from itertools import chain, count

from fedtrain.api.base import Block
from fedtrain.api.examples import example
from fedtrain.api.paths import Path
from fedtrain.api.reading.choice_errors import meant
from fedtrain.api.reading.documents import Located
from fedtrain.api.reading.formatting import is_list, is_map
from fedtrain.api.shapes import fields_of

_OF_TYPES: Mapping[str, str] = {
    "Choices": "accuracy",
    "ExactMatch": "exact",
    "Loss": "loss",
    "Perplexity": "perplexity",
}
"""Usual names of metrics, by type."""


def with_free_name(fix: str, missing: Path, document: Located, block: type[Block] | None) -> str:
    """Return the fix of a missing `name` of a list's item, with an example that fits its type and that no other item
    has."""
    if missing[-1] != "name" or len(missing) < 2 or not isinstance(missing[-2], int) or block is None:
        return fix
    items, item = document.at(missing[:-2]), document.at(missing[:-1])
    field = fields_of(block)["name"]
    shown = example("name", field.shape, block)
    used = {one.get("name") for one in items if is_map(one)} if is_list(items) else set[str]()
    kind = fields_of(block).get("type")
    word = meant(str(item.get("type")), kind.shape.choices) if is_map(item) and kind is not None else None
    wanted = _OF_TYPES.get(word or "", shown)
    free = next(name for name in chain([wanted], (f"{wanted}-{number}" for number in count(2))) if name not in used)
    return fix.replace(f"`name: {shown}`", f"`name: {free}`")
