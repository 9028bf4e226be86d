"""Where an error belongs that was found in objects rather than in their files: file, line and value of a field."""

from functools import cached_property
from pathlib import Path
from typing import Any

from fedtrain.api.reading import FieldError
from fedtrain.api.reading.documents import Documents, Located
from fedtrain.api.reading.source import read_text

Place = tuple[Path, Located]


class LocatedDocuments:
    """The documents of the files by kind and name, read once an error needs a place."""

    def __init__(self, files: tuple[Path, ...]) -> None:
        self._files = files

    def find(self, kind: str, name: str | None = None) -> Place:
        """The first document of this kind and name."""
        return self._places[kind, name]

    @cached_property
    def _places(self) -> dict[tuple[Any, Any], Place]:
        found: dict[tuple[Any, Any], Place] = {}
        for file in self._files:
            for document in Documents(read_text(file)).found:
                kind = document.at(("kind",))
                for name in (None, document.at(("metadata", "name"))):
                    found.setdefault((kind, name), (file, document))
        return found


def error_at(place: Place, path: tuple[str, ...], message: str, fix: str, item: str | None = None) -> FieldError:
    """Return the error of the field at `path` in a document."""
    file, document = place
    line, column = document.spot_of(path) if path else (0, 0)
    return FieldError(
        file=str(file),
        line=line,
        column=column,
        path=path,
        value=document.at(path),
        message=message,
        fix=fix,
        item=item,
    )
