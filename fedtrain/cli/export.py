"""`fedtrain export RUN`."""

from pathlib import Path

import click


@click.command()
@click.argument("run")
@click.option("--out", type=click.Path(path_type=Path), help="The folder to write [default: `adapter` in the run's].")
@click.option(
    "--round", "number", type=click.IntRange(min=0), help="The adapter after this round [default: the newest]."
)
@click.option("--merged", is_flag=True, help="Write the whole model, with the adapter merged into it.")
@click.option("--base", help="Where the base model is, for --merged [default: what the run's file says].")
def command(run: str, out: Path | None, number: int | None, merged: bool, base: str | None) -> None:
    """Write RUN's adapter to a folder that PEFT loads, with a model card.

    RUN is a run's folder (runs/default/quickstart), its federation file, or s3://bucket/prefix/namespace/name.
    """
    from fedtrain.results.export import default_target, export, export_merged
    from fedtrain.results.locate import locate
    from fedtrain.results.summary import summarise

    if base is not None and not merged:
        raise click.UsageError("--base is for --merged alone.")
    located = locate(run)
    target = out or default_target(located.ledger, merged)
    if merged:
        found = base or located.base(summarise(located.ledger).spec.model.base)
        folder = export_merged(located.ledger, target, found, number)
    else:
        folder = export(located.ledger, target, number)
    click.echo(str(folder))
