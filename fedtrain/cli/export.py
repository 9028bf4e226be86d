"""`fedtrain export RUN`: write the adapter of a run."""

from pathlib import Path

import click


@click.command()
@click.argument("run")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder to write [default: `adapter` in the run's folder]."
)
@click.option(
    "--round", "number", type=click.IntRange(min=0), help="Export the adapter after this round [default: the newest]."
)
@click.option("--merged", is_flag=True, help="Write the whole model, with the adapter merged into it.")
@click.option("--base", help="Base model for --merged [default: spec.model.base of the run].")
def command(run: str, out: Path | None, number: int | None, merged: bool, base: str | None) -> None:
    """Write the adapter of RUN to a folder that PEFT loads, with a model card.

    RUN is the folder of a run (runs/default/quickstart), its federation file, or s3://bucket/prefix/namespace/name.
    """
    from fedtrain.results.export import default_target, export, export_merged
    from fedtrain.results.locate import locate
    from fedtrain.results.summary import summarise

    if base is not None and not merged:
        raise click.UsageError("--base is only valid with --merged.")
    located = locate(run)
    target = out or default_target(located.ledger, merged)
    if merged:
        found = base or located.base(summarise(located.ledger).spec.model.base)
        folder = export_merged(located.ledger, target, found, number)
    else:
        folder = export(located.ledger, target, number)
    click.echo(str(folder))
