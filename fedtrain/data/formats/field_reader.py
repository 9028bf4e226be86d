"""Reads the fields of one row and names them in errors as the data set does."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

from fedtrain.data.errors import DataError, MissingField, type_name
from fedtrain.data.json_limits import check_depth, unreadable
from fedtrain.data.parsing.parsed import RepeatedNames
from fedtrain.data.row import Problem, RowWarning


@dataclass(slots=True)
class FieldReader:
    """`names` maps the format's fields to the names in the row. `missing` gives the error's second half for a field
    that the row lacks. Errors contain no value of the row."""

    where: str
    row: Mapping[str, object]
    names: Mapping[str, str]
    missing: Callable[[Mapping[str, object], str], tuple[str, str]]
    of_number: str = "write it in double quotes"
    """The fix of a number where a text is needed."""
    warnings: list[RowWarning] = field(default_factory=list[RowWarning])

    def name(self, field: str) -> str:
        """Return the field's name in the row."""
        return self.names.get(field, field)

    def optional(self, field: str) -> object:
        """Return the value; None if it is missing or null."""
        return self.row.get(self.name(field))

    def required(self, field: str) -> object:
        """Return the value, which may be null. Raises DataError if it is missing."""
        name = self.name(field)
        if name not in self.row:
            needs, fix = self.missing(self.row, self.where)
            raise MissingField(f'{self.where}: field "{name}" is missing; {needs}', fix)
        return self.row[name]

    def text(self, field: str) -> str:
        """Return a required text. Raises DataError."""
        return self.as_text(self.required(field), self.name(field))

    def optional_text(self, field: str) -> str:
        """Return the text; empty if it is missing or null. Raises DataError."""
        value = self.optional(field)
        return "" if value is None else self.as_text(value, self.name(field))

    def question(self, field: str) -> str:
        """Return a required text that is not learned. Raises DataError; warns if it has only blanks."""
        text = self.text(field)
        if is_blank(text):
            self.warn(self.name(field), "BlankPrompt")
        return text

    def answer(self, field: str) -> str:
        """Return a required text that is learned. Raises DataError if it is empty; warns if it has only blanks."""
        name = self.name(field)
        text = self.text(field)
        if not text:
            raise self.error(f'field "{name}" is empty, so there is nothing to learn', "fill it in, or delete the row")
        if is_blank(text):
            self.warn(name, "BlankAnswer")
        return text

    def as_text(self, value: object, name: str) -> str:
        """Return `value` if it is text. Raises DataError."""
        if not isinstance(value, str):
            is_number = isinstance(value, int | float) and value == value  # not NaN, which stands for a missing text
            fix = self.of_number if is_number else "write text, or delete the row"
            raise self.error(f'field "{name}" must be text, not {type_name(value)}', fix)
        return self.unicode(value, name)

    def unicode(self, text: str, name: str) -> str:
        """Return `text`. Raises DataError for halves of surrogate pairs, which JSON can escape."""
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise self.error(f'field "{name}" contains half a surrogate pair', "repair the text") from error
        return text

    def all_unicode(self, value: object, name: str) -> None:
        """Check every text in a JSON value. Raises DataError."""
        if isinstance(value, str):
            self.unicode(value, name)
        elif isinstance(value, dict):
            for key, item in cast("dict[str, object]", value).items():
                self.unicode(key, name)
                self.all_unicode(item, name)
        elif isinstance(value, list):
            for item in cast("list[object]", value):
                self.all_unicode(item, name)

    def list_or_json(self, value: object, name: str) -> object:
        """Return a list that is written as JSON text, as in CSV, as a list; other values unchanged. Raises DataError
        for JSON beyond the limits of a row."""
        if isinstance(value, str) and value.lstrip().startswith("["):
            return self.parsed(value, name)
        return value

    def parsed(self, text: str, name: str) -> object:
        """Return the JSON value of `text`; `text` itself if it is not JSON. Raises DataError for JSON beyond the
        limits of a row."""
        where, repeated = f'{self.where}: field "{name}"', RepeatedNames()
        try:
            value: object = json.loads(text, object_pairs_hook=repeated)
        except json.JSONDecodeError:
            return text
        except (ValueError, RecursionError) as error:
            raise unreadable(where, error) from error
        check_depth(value, text.count("[") + text.count("{"), where)
        if repeated.names:
            self.warn(name, "RepeatedName")
        return value

    def choices(self) -> list[str] | None:
        """Return the possible answers; None if the row has none. Raises DataError."""
        name = self.name("choices")
        value = self.list_or_json(self.optional("choices"), name)
        if value is None or value == "":
            return None
        listed = cast("list[object]", value) if isinstance(value, list) else []
        texts = [choice for choice in listed if isinstance(choice, str) and choice]
        if len(texts) < 2 or len(texts) < len(listed):
            raise self.error(
                f'field "{name}" must be a list of at least two texts, not {_shape(cast("object", value))}',
                'write a list, such as `["yes", "no"]`',
            )
        return [self.unicode(choice, name) for choice in texts]

    def warn(self, field: str, problem: Problem) -> None:
        self.warnings.append(RowWarning(field, problem))

    def error(self, problem: str, fix: str = "correct the row, or delete it") -> DataError:
        return DataError(f"{self.where}: {problem}", fix)


def is_blank(text: str) -> bool:
    """Whether nothing of the text is visible: blanks, control characters and characters of no width."""
    return not any(character.isprintable() and not character.isspace() for character in text)


def _shape(choices: object) -> str:
    """Return the type of `choices`, with the type of its first item that is not text."""
    if not isinstance(choices, list):
        return type_name(choices)
    listed = cast("list[object]", choices)
    wrong = next((choice for choice in listed if not isinstance(choice, str) or not choice), None)
    return f"a list with {type_name(wrong)}" if len(listed) > 1 else f"a list of {len(listed)}"
