"""`fedtrain export RUN`: write the adapter of a run."""

import os
from pathlib import Path

import click

from fedtrain.cli.errors import UserError
from fedtrain.cli.round_option import round_option
from fedtrain.cli.run_argument import RUN
from fedtrain.cli.wrapping import aside


@click.command()
@click.argument("run", type=RUN)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder to write [default: `adapter` in the run's folder]."
)
@round_option("Export the adapter")
@click.option("--merged", is_flag=True, help="Write the whole model, with the adapter merged into it.")
@click.option("--base", help="Folder of the base model: for its tokenizer, and for --merged [default: from the run].")
@click.option("--base-name", metavar="ORG/MODEL", help="Name of the base model in the exported files.")
def command(
    run: str, out: Path | None, number: str | None, merged: bool, base: str | None, base_name: str | None
) -> None:
    """Write the adapter of RUN to a folder that PEFT loads, with the tokenizer and a model card.

    RUN is the folder of a run (runs/default/quickstart), its federation file, or s3://bucket/prefix/namespace/name.
    """
    from fedtrain.api.places import short_path
    from fedtrain.results.base_folder import base_folder
    from fedtrain.results.best_round import round_number
    from fedtrain.results.export import default_target, export, export_merged, exported_round
    from fedtrain.results.kept_adapter import kept_text
    from fedtrain.results.locate import locate
    from fedtrain.results.other_base import why_other_model, why_other_tokenizer
    from fedtrain.results.public_base import public_base, unchecked_name
    from fedtrain.results.summary import summarise

    located = locate(run)
    summary = summarise(located.ledger)
    target, wanted = out or default_target(located.ledger, merged), round_number(summary, number)
    if kept := kept_text(summary, wanted, exported_round(summary, wanted)):
        aside(f"note: {kept}")
    found = base_folder(located, summary.spec.model, base)
    if isinstance(found, Path):
        differs = why_other_model if merged else why_other_tokenizer
        found = differs(located.ledger, summary.spec.model, found, base) or found
        if merged and isinstance(found, str):
            raise UserError(found)
    if base is not None and isinstance(found, str):
        raise UserError(found)
    public_base(summary.spec.model, base_name)  # raises before the note for a name that is not a model id
    if unchecked := unchecked_name(summary.spec.model, base_name, summary.base_fingerprint, merged=merged):
        aside(unchecked)
    if merged:
        model = str(found) if isinstance(found, Path) else base or located.base(summary.spec.model.base)
        folder = export_merged(
            located.ledger, target, model, wanted, base_name=base_name, federation=located.federation
        )
    else:
        if isinstance(found, str):
            aside(f"note: the export has no tokenizer. {found}")
        beside = found if isinstance(found, Path) else None
        folder = export(located.ledger, target, wanted, base=beside, base_name=base_name, federation=located.federation)
    click.echo(short_path(os.path.normpath(folder)))
