"""`fedtrain convert DATA... -o OUT.jsonl`: write JSON lines from any data that fedtrain reads."""

import codecs
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from fedtrain.cli.errors import UserError
from fedtrain.cli.next_commands import show_next
from fedtrain.cli.wrapping import aside, say
from fedtrain.plurals import form, several
from fedtrain.quoting import quoted

if TYPE_CHECKING:
    from fedtrain.api.data import Fields
    from fedtrain.data.convert import Conversion, Converted, InvalidRows, Target
    from fedtrain.data.row import Problem

MOST_SHOWN = 20
"""Invalid rows that are printed."""
ENOUGH_FOR_A_TEST = 40
"""Rows of which each of four participants gives one to the hub's test data."""
FIXES: dict["Problem", str] = {
    "JoinedWords": ". --separator ' ' does that",
    "BlankPrompt": ". --skip-invalid leaves such rows out",
    "BlankAnswer": ". --skip-invalid leaves such rows out",
}
"""Options of this command against warnings."""


@click.command()
@click.argument("sources", metavar="DATA...", type=click.Path(readable=False), nargs=-1, required=True)
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="New file to write.")
@click.option(
    "--to",
    type=click.Choice(["Messages", "PromptCompletion"]),
    help="Write rows in this format [default: unchanged].",
)
@click.option(
    "--field",
    multiple=True,
    metavar="FIELD=COLUMN",
    help="A field of the format and the column (or key) of the data that has it, if the names differ; with --to or "
    "--drop-repeated.",
)
@click.option("--encoding", default="utf-8", metavar="NAME", help="Encoding of text files, such as cp1252 of Excel.")
@click.option(
    "--separator",
    default="",
    metavar="TEXT",
    help="Text between prompt and completion, such as ' '; with --to PromptCompletion.",
)
@click.option("--skip-invalid", is_flag=True, help="Leave out rows that are invalid or have a blank prompt or answer.")
@click.option(
    "--drop-repeated", is_flag=True, help="Leave out rows whose prompt and answer are those of an earlier one."
)
def command(
    sources: tuple[str, ...],
    out: Path,
    to: str | None,
    field: tuple[str, ...],
    encoding: str,
    separator: str,
    skip_invalid: bool,
    drop_repeated: bool,
) -> None:
    """Write the rows of DATA as JSON lines.

    DATA is a file (JSONL, JSON, CSV, Parquet, also with .gz), a folder, a Hugging Face data set on disk, or s3://. With
    --to, rows are checked and rewritten: conversations, instructions and ShareGPT rows as Messages, instructions also
    as PromptCompletion. Fields that the format does not read are kept.
    """
    from fedtrain.data.column_options import first_columns
    from fedtrain.data.convert import Conversion, InvalidRows, convert
    from fedtrain.data.errors import DataError, NotUtf8

    if out.suffix != ".jsonl":
        raise UserError(f"{out} does not end in .jsonl", "Give the output a name that ends in .jsonl.")
    if not out.parent.is_dir():
        raise UserError(f"the folder {out.parent} does not exist", "Create it first.")
    for source in sources:
        if Path(source).resolve() == out.resolve():
            also = f"Remove {out} from the inputs, or give" if len(sources) > 1 else "Give"
            raise UserError(f"{out} is both an input and the output", f"{also} `-o` another file.")
    if separator and to != "PromptCompletion":
        raise UserError("--separator needs --to PromptCompletion", "Other formats do not join texts.")
    encoding_name = _encoding(encoding)
    how = Conversion(
        target=cast("Target | None", to),
        fields=_fields(field, to, drop_repeated, lambda: first_columns(sources, encoding_name)),
        encoding=encoding_name,
        separator=separator.replace("\\n", "\n").replace("\\t", "\t"),
        skip_invalid=skip_invalid,
        drop_repeated=drop_repeated,
    )
    try:
        made = convert(sources, out, how)
    except FileExistsError as error:
        raise UserError(f"{out} exists", "Name a new file, or delete this one.") from error
    except InvalidRows as error:
        raise _invalid(error) from error
    except NotUtf8 as error:
        again = ["fedtrain", "convert", *sources, "--encoding", "cp1252", "-o", str(out)]
        again += [word for name, value in (("--to", to), ("--separator", separator)) if value for word in (name, value)]
        again += [word for one in field for word in ("--field", one)]
        again += [name for name, on in (("--skip-invalid", skip_invalid), ("--drop-repeated", drop_repeated)) if on]
        fix = f"Name the encoding of the file. Excel often writes cp1252: `{' '.join(map(quoted, again))}`"
        raise UserError(error.problem, fix) from error
    except DataError as error:
        raise UserError(error.problem, error.fix or None) from error
    _show(out, made, how)


def _invalid(error: "InvalidRows") -> UserError:
    count = len(error.errors)
    lines = [f"{several(count, 'row')} {form(count, 'is', 'are')} invalid:"]
    lines += [one.problem for one in error.errors[:MOST_SHOWN]]
    if count > MOST_SHOWN:
        lines.append(f"and {several(count - MOST_SHOWN, 'more row')}")
    return UserError("\n".join(lines), "Correct them, or leave them out with --skip-invalid.")


def _show(out: Path, made: "Converted", how: "Conversion") -> None:
    click.echo(f"{out}: {several(made.rows, 'row')}")
    if made.invalid:
        say(f"left out: {several(len(made.invalid), 'invalid row')} (first: {made.invalid[0].problem})")
    if made.blank:
        blank = several(len(made.blank), "row")
        say(f"left out: {blank} with a blank prompt or answer (first: {made.blank[0]})")
    if how.drop_repeated:
        say(f"left out: {several(made.repeated, 'repeated row') if made.repeated else 'no repeated rows'}")
    for problem, (count, first) in made.warnings.items():
        fix = FIXES.get(problem, "")
        aside(f"warning: {first}{fix} ({several(count, 'row')})")
    if spelled := made.spellings.warning():
        aside(f"warning: {spelled}")
    said = f" and `format: {how.target}` in spec.data of the training" if how.target is not None else ""
    say(f"To train on it, write `uri: {out.absolute()}` in spec.datasets of the participant's policy{said}.", indent=2)
    if how.target is not None:
        source, folder = quoted(out), quoted(out.with_name("my-federation"))
        options = " --label completion" if how.target == "PromptCompletion" and made.spellings.likely else ""
        options += " --test-fraction 0.1" if made.rows >= ENOUGH_FOR_A_TEST else ""
        command = f"fedtrain split {source} --participants 4{options} --base BASE --out {folder}"
        what = "try it. BASE: the folder of the base model, or its id on Hugging Face"
        show_next((command, f"{what}. If each participant has a file, name all files and omit --participants"))


def _encoding(name: str) -> str:
    """Return Python's name of the encoding. Raises UserError."""
    try:
        found = codecs.lookup(name)
    except LookupError:
        found = None
    if found is None or not found._is_text_encoding:  # pyright: ignore[reportPrivateUsage]
        raise UserError(f"--encoding {name}: {name!r} is not an encoding", "Examples: utf-8, cp1252, latin-1, utf-16.")
    return found.name


def _fields(
    entries: tuple[str, ...], to: str | None, drop_repeated: bool, columns: Callable[[], Sequence[str]]
) -> "Fields | None":
    """Return the names of fields from the option. `columns`: of the data, for the hint. Raises UserError."""
    from fedtrain.api.data import Fields
    from fedtrain.api.similar_words import nearest

    if not entries:
        return None
    if to is None and not drop_repeated:
        raise UserError(
            "--field needs --to or --drop-repeated", "Add `--to` with a format, such as `--to PromptCompletion`."
        )
    names: dict[str, str] = {}
    for entry in entries:
        name, _, used = entry.partition("=")
        if not used:
            parts = re.split("[: ]+", entry)
            example = f"{parts[0]}={parts[1]}" if len(parts) == 2 and parts[1] else "prompt=question"
            raise UserError(
                f"--field {entry} is not FIELD=COLUMN", f"Write it with =, such as `--field {quoted(example)}`."
            )
        known = name in Fields.model_fields
        if not known and (meant := nearest(name, Fields.model_fields, 0.75)) and name not in columns():
            raise UserError(f"--field {entry}: {name!r} is not a field of a format", f"Did you mean `{meant}`?")
        if not known and used in Fields.model_fields:
            raise UserError(
                f"--field {entry}: --field takes FIELD=COLUMN, and {name!r} is not a field of a format",
                _turned(entries, to, columns()),
            )
        if not known:
            raise UserError(
                f"--field {entry}: {name!r} is not a field of a format",
                f"Write one of {', '.join(f'`{one}`' for one in Fields.model_fields)} before the `=`.",
            )
        names[name] = used
    return Fields(**names)


def _turned(entries: Sequence[str], to: str | None, columns: Sequence[str]) -> str:
    """Return the fix for `question=prompt`: the other way round if the data has the column `question`, or does not say;
    without the option if its column has the format's own name. A column may have the name of a field that the format
    `to` does not read."""
    from fedtrain.api.data import FORMAT_FIELDS, Fields
    from fedtrain.data.column_options import column_options

    read = {field for name, fields in FORMAT_FIELDS.items() if name == to for field in fields}
    kept: dict[str, str] = {}
    left_out: list[str] = []
    present: list[str] = []
    for entry in entries:
        first, _, last = entry.partition("=")
        other = first in columns and last not in columns and first not in read
        turned = last in Fields.model_fields and (first not in Fields.model_fields or other)
        field, column = (last, first) if turned else (first, last)
        if columns and column not in columns and field in columns:
            left_out.append(f"--field {quoted(entry)}")
            present.append(f"`{field}`")
        else:
            kept[field] = column
    options = " ".join(f"--field {quoted(f'{field}={column}')}" for field, column in kept.items())
    if left_out:
        also = f" Write `{options}`." if kept else ""
        columns_there = f"{form(len(present), 'a column', 'columns')} {' and '.join(present)}"
        return f"Leave out `{' '.join(left_out)}`: the data already has {columns_there}.{also}"
    if columns and not set(kept.values()) <= set(columns):
        fix = column_options(kept, columns)
        return f"Write the field before the `=` and a column of the data after it, for example `{fix}`."
    return f"The two sides are the wrong way round. Write `{options}`."
