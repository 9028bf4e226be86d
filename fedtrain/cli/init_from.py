"""`fedtrain init --from RUN`: the file of a run that starts from the adapter of another one."""

from pathlib import Path

import click

from fedtrain.cli.errors import UserError
from fedtrain.cli.next_commands import show_next
from fedtrain.cli.wrapping import aside
from fedtrain.quoting import quoted


def write(run: str, target: Path, number: str | None, force: bool) -> None:
    """Write the adapter and the file. `target`: a file, or a folder for a file with the new run's name."""
    from fedtrain.api.places import short_path
    from fedtrain.contracts import names
    from fedtrain.contracts.records import Run
    from fedtrain.results.best_round import round_number
    from fedtrain.results.export import export, exported_round
    from fedtrain.results.folders import write_file
    from fedtrain.results.kept_adapter import kept_text
    from fedtrain.results.locate import locate
    from fedtrain.results.next_run import file_of, from_file, from_spec, next_name
    from fedtrain.results.summary import summarise

    located = locate(run)
    ledger = located.ledger
    summary = summarise(ledger)
    source = located.federation.path if located.federation else file_of(ledger)
    named = target.suffix in (".yaml", ".yml")
    folder = target.parent if named else source.parent if source and target == Path() else target
    if source is not None and folder.absolute() != source.parent.absolute():
        raise UserError(
            f"paths in {source} are relative to its folder", f"Write the new file there: {source.parent}/NAME.yaml."
        )
    name = next_name(ledger, folder)
    file = target if named else folder / f"{name}.yaml"
    if file.exists() and not force:
        raise UserError(f"{file} exists", "Choose another name, or overwrite it with --force.")
    wanted = round_number(summary, number)
    chosen = exported_round(summary, wanted)
    if kept := kept_text(summary, wanted, chosen):
        aside(f"note: {kept}")
    adapter = folder / f"{ledger.name}-adapter-{chosen.number}"
    uri, digest = f"./{adapter.name}", str(chosen.adapter)
    claimed = ledger.read(names.RUN, Run)
    assert claimed is not None
    text = from_file(source, name, uri, digest) if source else from_spec(ledger, claimed.spec, name, uri, digest)
    adapter = export(ledger, adapter, chosen.number, federation=located.federation)
    write_file(file, text.encode())
    click.echo(f"wrote {short_path(str(adapter))}: the adapter of {ledger.name} after round {chosen.number}")
    click.echo(f"wrote {short_path(str(file))}: the run {name}, which starts from it")
    if source is None:
        aside(f"note: set the data of each participant in {file}, and check its relative paths")
    if ledger.url.startswith("s3:"):
        aside("note: for a cluster, upload the adapter to a bucket and name it in `initialFrom.uri`")
    if summary.privacy is not None:
        aside(f"note: {name} counts its privacy loss from 0; add that of {ledger.name} to it")
    show_next(
        (f"fedtrain run {quoted(short_path(str(file)))}", "run it, once its rounds and learning rate are what you want")
    )
