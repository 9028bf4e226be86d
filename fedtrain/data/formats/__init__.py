"""Row formats: one file per format behind `RowFormat`, listed in `FORMATS`."""

from collections.abc import Mapping
from typing import cast

from fedtrain.api.data import FORMAT_FIELDS, REQUIRED_FIELDS, Fields, Format
from fedtrain.data.errors import DataError, convert_command, not_an_object
from fedtrain.data.formats.field_reader import FieldReader
from fedtrain.data.formats.instruction import INSTRUCTION
from fedtrain.data.formats.messages import MESSAGES
from fedtrain.data.formats.prompt_completion import PROMPT_COMPLETION
from fedtrain.data.formats.row_format import RowFormat
from fedtrain.data.formats.sharegpt import SHAREGPT
from fedtrain.data.formats.text import TEXT
from fedtrain.data.row import Row, row_digest

FORMATS: Mapping[Format, RowFormat] = {
    one.name: one for one in (MESSAGES, SHAREGPT, PROMPT_COMPLETION, INSTRUCTION, TEXT)
}


class RowChecker:
    """Checks rows of one format. `fields`: `data.fields`."""

    def __init__(self, format: Format, fields: Fields | None = None) -> None:
        self._format = FORMATS[format]
        self._names: dict[str, str] = fields.model_dump(exclude_none=True) if fields is not None else {}
        self.columns = tuple(self._names.get(field, field) for field in FORMAT_FIELDS[format])
        """The names, in the data set, of the fields that the format reads."""

    def check(self, found: object, where: str, repeated: tuple[str, ...] = (), *, is_cells: bool = False) -> Row:
        """Return the row. `repeated`, `is_cells`: see `Parsed`. Raises DataError naming
        `where`, the field and what the format needs, but no value."""
        if not isinstance(found, dict):
            raise not_an_object(where, found, f"write each row as {self._format.needs}")
        reader = FieldReader(where, cast("dict[str, object]", found), self._names, self._missing)
        if is_cells:
            reader.of_number = self._numbers_as_text(where)
        fields = self._format.read(reader)
        choices = reader.choices() if "choices" in FORMAT_FIELDS[self._format.name] else None
        if choices is not None:
            fields["choices"] = choices
        for name in repeated:
            if name in self.columns or name in _MESSAGE_FIELDS:
                reader.warn(name, "RepeatedField")
        return Row(where, fields, tuple(reader.warnings))

    def _numbers_as_text(self, where: str) -> str:
        """Return the fix of a column of numbers."""
        if self._names or self._format.name not in {wanted for wanted, _ in CONVERSIONS}:
            return "write the column as text"
        name = self._format.name
        return f"write the column as text: `{convert_command(where, f'--to {name}', name.lower())}`"

    def _missing(self, row: Mapping[str, object], where: str) -> tuple[str, str]:
        """Return what the format needs, and the fix: the format that fits the row, if there is one."""
        needs = f"the format {self._format.name} needs {self._format.needs}"
        other = format_of(row)
        if other == self._format.name:
            names = ", ".join(f"`{field}`" for field, name in self._names.items() if name not in row)
            own = " and ".join(f"`{field}`" for field in REQUIRED_FIELDS[self._format.name])
            return needs, (
                f"remove {names} from `data.fields`, because this row already has {own}; if rows of other files have "
                "the names in data.fields, rename those instead"
            )
        if other is not None:
            return (
                needs,
                f"set `data.format: {other}`, whose fields this row has{conversion(self._format.name, other, where)}",
            )
        if any(_is_list_of_objects(value) for value in row.values()):
            return "the rows are in a list inside one object", "write only that list to the file"
        return needs, "add it to this row; if no row has it, set its name in `data.fields`"


def _is_list_of_objects(value: object) -> bool:
    listed = cast("list[object]", value) if isinstance(value, list) else []
    return bool(listed) and all(isinstance(item, dict) for item in listed)


def conversion(wanted: Format, found: Format, where: str) -> str:
    """Return the command that writes the wanted format, if there is one. `where`: file and line of a row."""
    if (wanted, found) in CONVERSIONS:
        return f", or convert the rows: `{convert_command(where, f'--to {wanted}', wanted.lower())}`"
    return ""


CONVERSIONS: tuple[tuple[Format, Format], ...] = (
    ("Messages", "ShareGPT"),
    ("Messages", "Instruction"),
    ("Messages", "PromptCompletion"),
    ("PromptCompletion", "Instruction"),
)
"""The formats that `fedtrain convert --to` writes, each with one that it reads for it."""
_MESSAGE_FIELDS = ("role", "content", "from", "value", "weight", "train", "tool_calls")


def format_of(*rows: Mapping[str, object]) -> Format | None:
    """Return the first format whose required fields all rows have; None if no format fits."""
    for name, fits in FORMATS.items():
        if all(field in row for row in rows for field in fits.required):
            return name
    return None


def learned_digest(row: Mapping[str, object], format: Format, fields: Fields | None = None) -> bytes:
    """Return a digest of what the format reads of a row, as `row_digest` of the checked row; of the fields as they are
    if the row does not fit. `fields`: their names in the row."""
    checker = RowChecker(format, fields)
    try:
        return row_digest(checker.check(row, "").fields)
    except DataError:
        return row_digest({name: row[name] for name in checker.columns if name in row})
