"""The files to split: one whose rows are dealt out, or one for each participant."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fedtrain.api.data import Format
from fedtrain.data.errors import convert_command
from fedtrain.data.formats import CONVERSIONS
from fedtrain.listing import listed
from fedtrain.splitting.errors import SplitError
from fedtrain.splitting.naming import slug
from fedtrain.splitting.rows import Row, format_of, read_rows, values_of


@dataclass(frozen=True)
class Source:
    """One file."""

    path: Path
    rows: list[Row]
    format: Format


def read_sources(paths: Sequence[Path]) -> list[Source]:
    """Raises SplitError, also if files have different formats."""
    found = [Source(path, rows, format_of(rows, path)) for path in paths for rows in [read_rows(path)]]
    for one in found[1:]:
        if one.format != found[0].format:
            raise SplitError(
                f"{found[0].path} has format {found[0].format}, and {one.path} has {one.format}",
                _in_one_format(found),
            )
    return found


def _in_one_format(sources: Sequence[Source]) -> str:
    """Return the fix for files of several formats: the conversions of the fewest files to one format."""

    def others(target: Format) -> list[Source]:
        return [one for one in sources if one.format != target]

    targets: dict[Format, None] = dict.fromkeys(wanted for wanted, _ in CONVERSIONS)
    fitting: list[Format] = [
        target for target in targets if all((target, one.format) in CONVERSIONS for one in others(target))
    ]
    if not fitting:
        return "write the rows of all files in one format"
    target: Format = min(fitting, key=lambda one: len(others(one)))
    commands = [f"`{convert_command(str(one.path), f'--to {target}', target.lower())}`" for one in others(target)]
    files, use = ("one of them", "the new file") if len(commands) == 1 else ("these", "the new files")
    return f"rewrite {files} as {target}, and name {use} instead: {listed(commands)}"


def values_in(field: str, option: str, sources: Sequence[Source]) -> list[str]:
    """Return the field's value in each row of all files. Raises SplitError."""
    return [value for one in sources for value in values_of(field, option, one.rows, one.path)]


def names_of_files(paths: Sequence[Path]) -> tuple[str, ...]:
    """Return a participant's name for each file: `koeln` for data/koeln.csv.gz. Raises SplitError if two are equal."""
    names: dict[str, Path] = {}
    for path in paths:
        name = slug(path.name.partition(".")[0], "participant")
        if (other := names.setdefault(name, path)) is not path:
            if other == path:
                raise SplitError(f"{path} is listed twice", "remove one of the two")
            problem = f"{other} and {path} are both for a participant named {name!r}"
            raise SplitError(problem, "rename one of the files: each file's name is its participant's")
    return tuple(names)
