"""What to do about rows that lack a field of their format: one row, or all rows under other names.

Names of fields are shown only where they are columns of a table, or where several rows share them: an object with keys
of its own may be a dictionary of values.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fedtrain.api.data import Format, RowSource
from fedtrain.api.reading.flow_style import flow
from fedtrain.data.errors import DataError, MissingField, ShareGptTurns
from fedtrain.data.formats import FORMATS, conversion, format_of
from fedtrain.data.parsing.csv_header import NoHeader
from fedtrain.data.similar_columns import columns_of
from fedtrain.preview.rewritten_file import rewritten, rewritten_turns

_SHOWN = 8
_NONE = "COLUMN"
"""Stands for a column that the rows do not have."""

_BY_NAMES: tuple[Format, ...] = ("PromptCompletion", "Messages", "ShareGPT", "Instruction", "Text")
"""Formats in the order in which their fields are looked for under other names."""


@dataclass
class RowNames:
    """Names of the fields of rows that lack one. `rows`: how many such rows were seen; `table`: whether the names are
    columns."""

    rows: int = 0
    table: bool = False
    names: dict[str, None] = field(default_factory=dict[str, None])

    def add(self, names: Sequence[str], table: bool) -> None:
        """Add a row. Names that not all rows have are dropped."""
        self.names = {name: None for name in names if self.rows == 0 or name in self.names}
        self.rows, self.table = self.rows + 1, table


def format_by_names(
    rows: Sequence[Mapping[str, object]], named: Mapping[str, str]
) -> tuple[Format, Mapping[str, str]] | None:
    """Return the format whose required fields all rows have, with the column of each: under its name, the one in
    `named` or a similar one. None if no format fits."""
    columns = [name for name in rows[0] if all(name in row for row in rows)]
    own = format_of(*rows)
    if own is not None and not named:
        return own, {field: field for field in FORMATS[own].required}
    for name in _BY_NAMES:
        found = columns_of(name, named, columns)
        if all(column is not None and _has_kind(rows, name, column) for column in found.values()):
            return name, {field: column for field, column in found.items() if column is not None}
    return None


def _has_kind(rows: Sequence[Mapping[str, object]], name: Format, column: str) -> bool:
    """Whether the column has conversations in a format of conversations, and no lists in another one."""
    return all(isinstance(row[column], list) == (name in ("Messages", "ShareGPT")) for row in rows)


def advised(
    faults: Sequence[DataError], valid: int, source: RowSource, seen: RowNames, fitting: str | None = None
) -> list[DataError]:
    """Return the faults; those of missing fields with the fix for one row if most rows have the field, else with the
    one for all rows. `valid`: number of valid rows. `fitting`: whose rows fit the same source."""
    named = {} if source.fields is None else source.fields.model_dump(exclude_none=True)
    header = [named.get(field, field) for field in FORMATS[source.format].required]
    faults = [fault.with_names(header) if isinstance(fault, NoHeader) else fault for fault in faults]
    if fitting is not None:
        turns = sum(isinstance(fault, ShareGptTurns) for fault in faults)
        whose = None if valid >= turns else fitting
        faults = [_of_turns(fault, source, whose) if isinstance(fault, ShareGptTurns) else fault for fault in faults]
    missing = sum(isinstance(fault, MissingField) for fault in faults)
    if valid >= missing > 0:
        return [_of_one_row(fault) if isinstance(fault, MissingField) else fault for fault in faults]
    names = tuple(seen.names)
    if missing == 0 or not names:
        return list(faults)
    advice = _of_all_rows if seen.table or seen.rows > 1 else _of_only_row
    return [advice(fault, names, source, fitting) if isinstance(fault, MissingField) else fault for fault in faults]


def _of_turns(fault: ShareGptTurns, source: RowSource, fitting: str | None) -> DataError:
    """`fitting`: whose rows fit; None if most rows of the data set do."""
    if fitting is None:
        return DataError(fault.problem, "write the messages of this row as `{role, content}`, or delete the row")
    return DataError(fault.problem, rewritten_turns(fault, source, fitting))


def _of_one_row(fault: DataError) -> DataError:
    return DataError(fault.problem, "add the field to this row, or delete the row")


def _of_only_row(fault: DataError, names: tuple[str, ...], source: RowSource, fitting: str | None) -> DataError:
    """The names of a single row may be values."""
    other = format_of(dict.fromkeys(names))
    if fitting is None or other is None or other == source.format:
        return fault
    return DataError(fault.problem, rewritten(fault.problem.partition(": field ")[0], {}, source, other, fitting))


def _of_all_rows(fault: DataError, names: tuple[str, ...], source: RowSource, fitting: str | None) -> DataError:
    if len(names) == 1 and set(names[0]) & set(",;|"):
        problem = f"{fault.problem}, and the rows have one column ({names[0]})"
        return DataError(problem, "separate the cells with tabs, or name the file .csv")
    have = f"{', '.join(names[:_SHOWN])}{', ...' if len(names) > _SHOWN else ''}"
    place = fault.problem.partition(": field ")[0]
    problem = f"{fault.problem}, and the rows have {have}"
    other = format_of(dict.fromkeys(names))
    if other == "Text" and None not in columns_of(source.format, {}, names).values():
        other = None  # the text is the prompt, and another column has the answers
    if fitting is not None and (other is not None or len(names) >= len(FORMATS[source.format].required)):
        return DataError(problem, rewritten(place, _guessed(source, names), source, other, fitting))
    if other is not None and other != source.format:
        return DataError(problem, f"write `format: {other}` in {source.place}{conversion(source.format, other, place)}")
    if other is not None:
        return DataError(problem, fault.fix)
    if len(names) < len(FORMATS[source.format].required):
        return DataError(f"{problem} only", _of_too_few(names, source))
    fields = f"write `fields: {flow(_guessed(source, names))}` in {source.place}"
    return DataError(problem, f"{fields} if all files have these names; otherwise rename them in this file")


def _of_too_few(names: tuple[str, ...], source: RowSource) -> str:
    """Return the fix for rows with fewer fields than the format requires."""
    guessed = _guessed(source, names)
    absent = " and ".join(field for field, column in guessed.items() if column == _NONE)
    learned = f"{{text: {names[0]}}}" if names[0] != "text" else ""
    text = f"`format: Text`{f' with `fields: {learned}`' if learned else ''}"
    return (
        f"the {absent} is missing: add a column with it, and write `fields: {flow(guessed)}` with its name in "
        f"{source.place}; or, to learn the text of {names[0]} itself, write {text}"
    )


def _guessed(source: RowSource, names: tuple[str, ...]) -> dict[str, str]:
    """Return a column for each required field of the format: one with a similar name, else the next one."""
    set_names: dict[str, str] = source.fields.model_dump(exclude_none=True) if source.fields is not None else {}
    found = columns_of(source.format, set_names, names)
    free = [name for name in names if name not in found.values()]
    return {wanted: column or (free.pop(0) if free else _NONE) for wanted, column in found.items()}
