"""A YAML composer that stops at the first list, map or file that is too long.

Without it a file of 100,000 participants would be read for a minute before its length is refused.
"""

from typing import Any, cast

from ruamel.yaml import composer

from fedtrain.api.paths import Path
from fedtrain.api.reading.flaw import Flaw

MAX_ITEMS = 1000
"""The longest list or map that any field takes."""
MAX_DOCUMENTS = 1 + 2 * MAX_ITEMS
"""One FederatedTraining, and a ParticipantPolicy and a Participant for each participant."""


# ruamel.yaml's composer is untyped.
_Composer: Any = composer.Composer


class TooLong(Exception):
    """The file exceeds a limit."""

    def __init__(self, spot: tuple[int, int], path: Path, what: str, limit: int, unit: str) -> None:
        message = f"The {what} has more than {limit} {unit}."
        self.flaw = Flaw(spot, message, f"Remove {unit}, or split them over several runs.", path)
        super().__init__(message)


class BoundedComposer(composer.Composer):
    """Raises TooLong for a list or map of more than MAX_ITEMS, and for a stream of more than MAX_DOCUMENTS."""

    def __init__(self, loader: Any = None) -> None:
        _Composer.__init__(self, loader)
        self._path: Path = ()
        self._documents = 0

    def compose_document(self) -> Any:
        self._documents += 1
        self._path = ()
        if self._documents > MAX_DOCUMENTS:
            raise TooLong(self._spot(), (), "file", MAX_DOCUMENTS, "documents")
        return _Composer.compose_document(self)

    def compose_node(self, parent: Any, index: Any) -> Any:
        """`index`: the number of a list's item, the node of a value's key, or None for a key."""
        if parent is not None and len(parent.value) >= MAX_ITEMS:
            what, unit = ("list", "items") if parent.id == "sequence" else ("map", "fields")
            raise TooLong(self._spot(), self._path, what, MAX_ITEMS, unit)
        around = self._path
        if isinstance(index, int):
            self._path = (*around, index)
        elif index is not None and index.id == "scalar":
            self._path = (*around, str(index.value))
        node = _Composer.compose_node(self, parent, index)
        self._path = around
        return node

    def _spot(self) -> tuple[int, int]:
        mark = cast(Any, self).parser.peek_event().start_mark
        return mark.line + 1, mark.column + 1
