"""The paths of all fields of a document, by their names."""

from collections.abc import Iterator
from functools import cache

from fedtrain.api.base import Block
from fedtrain.api.paths import Path
from fedtrain.api.shapes import block_of, fields_of
from fedtrain.api.similar_words import plain_form


def places(root: type[Block], end: tuple[str, ...]) -> tuple[Path, ...]:
    """The paths that end like this, ignoring case and underscores."""
    wanted = tuple(map(plain_form, end))
    return tuple(path for path in _all_paths(root) if tuple(plain_form(str(s)) for s in path[-len(end) :]) == wanted)


@cache
def _all_paths(root: type[Block]) -> tuple[Path, ...]:
    def walk(block: type[Block], path: Path) -> Iterator[Path]:
        for name, field in fields_of(block).items():
            yield (*path, name)
            if inner := block_of(field.shape):
                yield from walk(inner, (*path, name))

    return tuple(walk(root, ()))
