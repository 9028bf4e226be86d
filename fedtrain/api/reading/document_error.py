"""An error in one document of a file, at a path of its fields."""

from dataclasses import dataclass

from fedtrain.api.paths import Path


@dataclass(frozen=True)
class DocumentError:
    """An error at a field. With `at_key`, at its name instead of its value."""

    path: Path
    message: str
    fix: str
    at_key: bool = False
