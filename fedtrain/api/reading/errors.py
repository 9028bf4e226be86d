"""Errors in a file: position, value, message and fix."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from fedtrain.api.paths import Path, show
from fedtrain.listing import listed
from fedtrain.plurals import several
from fedtrain.quoting import quoted

_REPEATED = 2
"""Further documents with the same error, from which it is shown once."""


@dataclass(frozen=True, kw_only=True)
class FieldError:
    """One error. `line` and `column` count from 1; line 0 means the whole file, column 0 the whole line. `message` and
    `fix` are sentences. `item` names the list item or policy that contains the field: `participant bank-a`."""

    file: str
    line: int
    column: int
    path: Path
    value: Any
    message: str
    fix: str
    item: str | None = None

    @property
    def position(self) -> tuple[str, int, int, Path]:
        return self.file, self.line, self.column, self.path

    def __str__(self) -> str:
        field = show(self.path)
        subject = f"{field} ({self.item})" if field and self.item else field or self.item
        place = ":".join([self.file, *(str(at) for at in (self.line, self.column) if at)])
        return f"{place}: {f'{subject}: ' if subject else ''}{self.message} {self.fix}".rstrip()


NO_TRAINING = "No document is of kind FederatedTraining."


class Invalid(Exception):
    """One or several files have errors: all of them, sorted by line. `without_policies`: the file has participants and
    no policies, or no training, as files for a cluster may. `alone`: kinds and names of the documents, if the files
    have no training, but policies or Participants."""

    def __init__(
        self, errors: Iterable[FieldError], without_policies: bool = False, alone: tuple[str, ...] = ()
    ) -> None:
        self.without_policies = without_policies
        self.alone = alone
        self.errors = tuple(sorted(errors, key=lambda error: (error.file, error.line, error.column, error.path != ())))
        super().__init__(self.errors)

    def of_documents_alone(self, *, cluster: bool) -> "Invalid":
        """Return the errors, except that of the missing training. `cluster`: whether the files are for a cluster, as
        those of most policies alone are."""
        return Invalid([error for error in self.errors if error.message != NO_TRAINING], not cluster, self.alone)

    def __str__(self) -> str:
        count, files = len(self.errors), dict.fromkeys(error.file for error in self.errors)
        total = f"{several(count, 'error')} in {', '.join(files)}".removesuffix(".") + "."
        name = next(iter(files))
        hint = [f"hint: to check a file for a cluster, run `fedtrain validate {quoted(name)} --cluster`"]
        return "\n".join([*_lines(self.errors), total, *(hint if self.without_policies else ())])


def _lines(errors: Iterable[FieldError]) -> Iterator[str]:
    """Yield one line for each error. An error that several documents have is one line with the other places."""
    same: dict[tuple[object, ...], list[FieldError]] = {}
    for error in errors:
        message = error.message.replace(str(error.value), "") if error.value is not None else error.message
        same.setdefault((error.file, error.path, error.fix, message) if error.path else (id(error),), []).append(error)
    for first, *others in same.values():
        if len(others) < _REPEATED:
            yield from map(str, (first, *others))
        else:
            yield f"{first} The same on lines {listed([str(one.line) for one in others])}."
