"""An error of a file's text, before it is read as fields."""

from typing import NamedTuple

from fedtrain.api.paths import Path


class Flaw(NamedTuple):
    """An error at a line and column (from 1). `path` is the field, if known."""

    spot: tuple[int, int]
    message: str
    fix: str
    path: Path = ()
