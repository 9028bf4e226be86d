"""`fedtrain export RUN`: write the adapter of a run."""

from pathlib import Path

import click

from fedtrain.cli.round_option import round_option


@click.command()
@click.argument("run")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder to write [default: `adapter` in the run's folder]."
)
@round_option("Export the adapter")
@click.option("--merged", is_flag=True, help="Write the whole model, with the adapter merged into it.")
@click.option("--base", help="Base model for --merged [default: spec.model.base of the run].")
def command(run: str, out: Path | None, number: str | None, merged: bool, base: str | None) -> None:
    """Write the adapter of RUN to a folder that PEFT loads, with a model card.

    RUN is the folder of a run (runs/default/quickstart), its federation file, or s3://bucket/prefix/namespace/name.
    """
    from fedtrain.results.best_round import round_number
    from fedtrain.results.export import default_target, export, export_merged
    from fedtrain.results.locate import locate
    from fedtrain.results.summary import summarise

    if base is not None and not merged:
        raise click.UsageError("--base is only valid with --merged.")
    located = locate(run)
    summary = summarise(located.ledger)
    target, wanted = out or default_target(located.ledger, merged), round_number(summary, number)
    if merged:
        found = base or located.base(summary.spec.model.base)
        folder = export_merged(located.ledger, target, found, wanted)
    else:
        folder = export(located.ledger, target, wanted)
    click.echo(str(folder))
