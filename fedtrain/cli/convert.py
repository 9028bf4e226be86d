"""`fedtrain convert IN... -o OUT.jsonl`: write JSON lines from any data that fedtrain reads."""

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from fedtrain.cli.errors import UserError
from fedtrain.plurals import several

if TYPE_CHECKING:
    from fedtrain.api.data import Fields
    from fedtrain.data.convert import Target


@click.command()
@click.argument("sources", metavar="IN...", nargs=-1, required=True)
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="New file to write.")
@click.option(
    "--to",
    type=click.Choice(["Messages", "PromptCompletion"]),
    help="Write rows in this format [default: unchanged].",
)
@click.option("--field", multiple=True, metavar="FIELD=NAME", help="Name of a field in IN, if it differs; with --to.")
def command(sources: tuple[str, ...], out: Path, to: str | None, field: tuple[str, ...]) -> None:
    """Write the rows of IN as JSON lines.

    IN is a file (JSONL, JSON, CSV, Parquet, also with .gz), a folder, a Hugging Face data set on disk, or s3://. With
    --to, rows are checked and rewritten: conversations, instructions and ShareGPT rows as Messages, instructions also
    as PromptCompletion.
    """
    from fedtrain.data.convert import convert
    from fedtrain.data.errors import DataError

    if out.suffix != ".jsonl":
        raise UserError(f"{out} does not end in .jsonl", "Name the output FILE.jsonl.")
    if not out.parent.is_dir():
        raise UserError(f"the folder {out.parent} does not exist", "Create it first.")
    try:
        count = convert(sources, out, cast("Target | None", to), fields=_fields(field, to))
    except FileExistsError as error:
        raise UserError(f"{out} exists", "Name a new file, or delete this one.") from error
    except DataError as error:
        raise UserError(error.problem, error.fix or None) from error
    click.echo(f"{out}: {several(count, 'row')}")


def _fields(entries: tuple[str, ...], to: str | None) -> "Fields | None":
    """Return the names of fields from the option. Raises UserError."""
    from fedtrain.api.data import Fields

    if not entries:
        return None
    if to is None:
        raise UserError("--field needs --to", "Rows keep all fields without --to.")
    names: dict[str, str] = {}
    for entry in entries:
        name, _, used = entry.partition("=")
        if not used:
            raise UserError(f"--field {entry} is not FIELD=NAME", "Example: --field prompt=question.")
        if name not in Fields.model_fields:
            raise UserError(f"--field {entry}: {name!r} is not a field", f"Use {', '.join(Fields.model_fields)}.")
        names[name] = used
    return Fields(**names)
