"""The error of a conversion whose `--field` names a column that the data does not have."""

from collections.abc import Mapping, Sequence

from fedtrain.api.similar_words import similar
from fedtrain.data.errors import OtherColumns
from fedtrain.data.parsing import Parsed
from fedtrain.plurals import form
from fedtrain.quoting import quoted

ONE_FIELD_FIX = "Add the answers to each row; or, to learn the text itself, rename the field to `text`."
_SHOWN = 10
"""Names of a row that are listed."""


def one_field(name: str) -> str:
    """The problem of rows of one field."""
    return f"the rows have one field, {name}, and no answers"


def absent_names(parsed: Parsed, absent: Mapping[str, str], names: Sequence[str]) -> OtherColumns:
    """`absent`: named columns that the row lacks, by the field of the format. `names`: those that it has. Similar names
    are proposed, not used: a wrong guess would train on the wrong column."""
    whole, word = ("table", "column") if parsed.is_cells else ("row", "field")
    missing = " or ".join(f"`{name}`" for name in absent.values())
    options = " and ".join(f"`--field {quoted(f'{field}={name}')}`" for field, name in absent.items())
    close = list(dict.fromkeys(one for name in absent.values() for one in similar(name, names, 3)))
    proposed = " and ".join(f"`{name}`" for name in close)
    verb = form(len(close), "A similar name is", "Similar names are")
    fix = f"Correct {options}. {verb} {proposed}." if close else f"Correct {options}: name {word}s of the {whole}."
    if set(absent) <= set(names):
        one = form(len(absent), f"a {word}", f"{word}s")
        present = " and ".join(f"`{field}`" for field in absent)
        named = f"the {form(len(absent), word, f'{word}s')} {present}"
        fix = f"Leave out {options}: the {whole} already has {named}. Or name {one} that it has."
    return OtherColumns(
        f"{parsed.where}: the {whole} has no {word} {missing}; its {word}s are {first_names(names)}", fix
    )


def first_names(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
