"""`fedtrain ledger verify RUN`: check every record and byte of a run."""

import click


@click.group()
def command() -> None:
    """Inspect the ledger of a run."""


@command.command()
@click.argument("run")
def verify(run: str) -> None:
    """Check every record, the chain of manifests and all bytes of RUN's ledger. Exits with 1 if a check fails.

    RUN is the folder of a run (runs/default/quickstart), its federation file, or s3://bucket/prefix/namespace/name.
    """
    from fedtrain.ledger import verify as verification
    from fedtrain.results.locate import locate
    from fedtrain.results.words import several, size

    ledger = locate(run).ledger
    result = verification.verify(ledger)
    click.echo(
        f"{ledger.url}: {several(result.rounds, 'round')}, {several(result.records, 'record')}, "
        f"{several(result.blobs, 'blob')} and {several(result.updates, 'update')} ({size(result.bytes)})"
    )
    for finding in result.findings:
        click.echo(f"  {finding}", err=True)
    for note in result.notes:
        click.echo(f"  note: {note}", err=True)
    if not result.sound:
        click.echo(f"error: {several(len(result.findings), 'finding')}: the ledger was changed or damaged", err=True)
        raise click.exceptions.Exit(1)
    click.echo("OK: every digest matches")
    if result.tip is not None:
        click.echo(f"tip {result.tip} (keep a copy elsewhere: it covers everything above)")
