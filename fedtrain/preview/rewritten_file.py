"""What to do about one file whose rows do not fit, while other data sets of the training do: a change of the training
would make those invalid, so the file is rewritten."""

from collections.abc import Mapping

from fedtrain.api.data import FORMAT_FIELDS, Format, RowSource
from fedtrain.data.errors import ShareGptTurns, convert_command
from fedtrain.data.formats import CONVERSIONS, FORMATS
from fedtrain.quoting import quoted

_RENAMED: Format = "PromptCompletion"
"""The format whose fields `fedtrain convert` renames without any other change."""


def rewritten(place: str, columns: Mapping[str, str], source: RowSource, found: Format | None, fitting: str) -> str:
    """Return the fix for the rows at `place`. `columns`: which of their fields each field of the format probably is.
    `found`: the format that they have, if it is one. `fitting`: whose rows fit."""
    wanted, named = source.format, source.fields
    if named is None and (options := _options(wanted, found, columns)):
        return _converted(place, options, wanted, fitting)
    names: dict[str, str] = named.model_dump(exclude_none=True) if named is not None else {}
    if found is None or found == wanted:
        pairs = ((name, names.get(field, field)) for field, name in columns.items())
        renamed = " and ".join(f"`{name}` to `{field}`" for name, field in pairs if name != field)
        return f"rename {renamed} in this file, as in the rows of {fitting}"
    if (found, wanted) in CONVERSIONS:
        command = f"fedtrain convert FILE --to {found} -o NEW"
        whole = f"write `format: {found}` in {source.place} and rewrite the other data sets: `{command}`"
    else:
        whole = f"write `format: {found}` in {source.place} and rewrite the other data sets so"
    fields = " and ".join(f"`{names.get(field, field)}`" for field in FORMATS[wanted].required)
    return f"give the rows of this file the fields {fields}, which the rows of {fitting} have; or {whole}"


def rewritten_turns(fault: ShareGptTurns, source: RowSource, fitting: str) -> str:
    """Return the fix for rows with the turns of ShareGPT in the field of other messages. `fitting`: whose rows fit."""
    if source.format == "Messages" and source.fields is None:
        options = f"--to Messages --field conversations={quoted(fault.column)}"
        return _converted(fault.where, options, source.format, fitting)
    return f"write the messages of this file as `{{role, content}}`, as in the rows of {fitting}"


def _converted(place: str, options: str, wanted: Format, fitting: str) -> str:
    return (
        f"rewrite this file in the format of the rows of {fitting}, and use the new file: "
        f"`{convert_command(place, options, wanted.lower())}`"
    )


def _options(wanted: Format, found: Format | None, columns: Mapping[str, str]) -> str | None:
    """Return the options of `fedtrain convert`; None if it cannot write the rows in the wanted format."""
    if found is not None and (wanted, found) in CONVERSIONS:
        return f"--to {wanted}"
    if found is None and wanted == _RENAMED:
        renamed = {field: name for field, name in columns.items() if field != name and field in FORMAT_FIELDS[wanted]}
        return " ".join([f"--to {wanted}", *(f"--field {quoted(f'{one}={name}')}" for one, name in renamed.items())])
    return None
