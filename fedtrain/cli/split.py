"""`fedtrain split DATA`: split one data set into a federation to try."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fedtrain.cli.errors import UserError
from fedtrain.cli.next_commands import show_next
from fedtrain.cli.numbers import Number, WholeNumber
from fedtrain.cli.wrapping import aside, say
from fedtrain.palette import TONES
from fedtrain.plurals import form, several
from fedtrain.quoting import quoted

if TYPE_CHECKING:
    from collections import Counter

    from fedtrain.splitting import Split

MOST_LABELS = 6


@click.command()
@click.argument("data", metavar="DATA...", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="New folder to write.")
@click.option(
    "--participants", metavar="N|NAME,...", help="Number or names of participants [default with --by: one per value]."
)
@click.option("--by", metavar="FIELD", help="Send all rows with the same value of this field to one participant.")
@click.option("--dirichlet", type=Number(), metavar="ALPHA", help="Label skew: 0.1 is strong, 100 is nearly none.")
@click.option("--label", metavar="FIELD", help="Field with the label of a row, for --dirichlet and the table.")
@click.option("--seed", type=WholeNumber(0, 2**32 - 1), default=17, show_default=True)
@click.option(
    "--test-fraction",
    type=Number(),
    default=0.0,
    metavar="F",
    help="Fraction of the rows held out for the hub's evaluation.",
)
@click.option("--base", help="Base model: a folder, a model id on Hugging Face or s3://bucket/prefix.")
@click.option("--revision", help="Commit of a base model from Hugging Face.")
def command(
    data: tuple[Path, ...],
    out: Path,
    participants: str | None,
    by: str | None,
    dirichlet: float | None,
    label: str | None,
    seed: int,
    test_fraction: float,
    base: str | None,
    revision: str | None,
) -> None:
    """Split DATA, a JSONL, JSON, CSV or Parquet file, into a federation to try.

    Writes the participants' data files, a federation.yaml and, with --test-fraction, the hub's test file. Without --by
    or --dirichlet, rows are shuffled and distributed evenly. Several files are a participant each, named after its
    file. The same seed writes the same files.
    """
    from fedtrain.splitting import SplitError, SplitRequest, split

    request = SplitRequest(
        data=data,
        out=out,
        participants=participants,
        by=by,
        dirichlet=dirichlet,
        label=label,
        seed=seed,
        test_fraction=test_fraction,
        base=base,
        revision=revision,
    )
    try:
        made = split(request)
    except SplitError as error:
        raise UserError(error.message, error.hint) from error
    _show(made, label or by, by if label not in (None, by) else None)
    named = quoted(made.file)
    if base is None:
        say(
            f"Name the base model in {made.file} (spec.model.base). With --base, `fedtrain split` writes it, and a "
            "number of rounds and a learning rate that fit it."
        )
    show_next(
        (f"fedtrain plan {named}", "samples and steps of each participant and round"),
        (f"fedtrain run {named}", "run it on this machine"),
    )


def _show(made: "Split", label: str | None, by: str | None) -> None:
    """`label`: field whose values are counted. `by`: another field, by which the rows were split."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table()
    table.add_column("participant")
    if by is not None:
        table.add_column(escape(by))
    table.add_column("rows", justify="right")
    if made.labels is not None:
        table.add_column(escape(f"{label} (rows)"))
    for number, name in enumerate(made.names):
        mix = [escape(_mix(made.labels[number]))] if made.labels is not None else []
        values = [escape(_some(made.held[number]))] if by is not None and made.held is not None else []
        table.add_row(name, *values, str(made.rows[number]), *mix)
    if made.test_rows:
        table.add_row("(hub's test data)", *([""] if by is not None else []), str(made.test_rows))
    console = Console()
    click.echo(f"{made.file}: {several(len(made.names), 'participant')}, format {made.format}")
    console.print(table)
    if made.held is not None and any(len(values) > 1 for values in made.held):
        console.print(
            f"{sum(map(len, made.held))} values were spread over {several(len(made.names), 'participant')}, the "
            "largest first, "
            "each to the one with the fewest rows so far."
        )
    if made.ignored is not None:
        aside(f"note: {made.ignored.text(str(made.file))}")
    if made.repeated:
        console.print(
            f"[{TONES['warn'].terminal}]warning:[/] {made.repeated} of {several(made.test_rows, 'test row')} also "
            f"{form(made.repeated, 'appears', 'appear')} in a "
            "participant's data: measured gains will look better than they are. Remove repeated rows first: "
            "`fedtrain convert --drop-repeated`"
        )


def _mix(labels: "Counter[str]") -> str:
    """`sports 40, politics 12, 9 in 3 others`."""
    ordered = sorted(labels.items(), key=lambda item: (-item[1], item[0]))
    shown = [f"{_short(label)} {count}" for label, count in ordered[:MOST_LABELS]]
    rest = ordered[MOST_LABELS:]
    if rest:
        shown.append(f"{sum(count for _, count in rest)} in {several(len(rest), 'other')}")
    return ", ".join(shown)


def _some(values: tuple[str, ...]) -> str:
    """`Klinikum Nord, Klinikum Süd, 3 others`."""
    rest = len(values) - MOST_LABELS
    others = [several(rest, "other")] if rest > 0 else []
    return ", ".join([*map(_short, values[:MOST_LABELS]), *others])


def _short(label: str) -> str:
    text = " ".join(label.split())
    return text if len(text) <= 24 else text[:21] + "..."
