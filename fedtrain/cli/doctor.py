"""`fedtrain doctor [FILE]`: what this machine has, and what would run on it."""

import json
from pathlib import Path

import click

from fedtrain.cli.wrapping import say

_MARKS = {"OK": "ok", "Warning": "warning", "Problem": "problem"}


@click.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="Output format.")
def command(file: Path | None, output: str) -> None:
    """Show versions, CPU, memory, GPUs, disk and the hub; with FILE also whether its store is reachable and keeps the
    promise that the ledger relies on, and what would run here. Exits with 1 if something prevents a run."""
    from fedtrain.api.reading import read_file
    from fedtrain.contracts.as_json import as_json
    from fedtrain.preview.doctor import examine

    found = examine(read_file(file) if file is not None else None)
    if output == "json":
        click.echo(json.dumps(as_json(found), indent=2))
    else:
        for finding in found.findings:
            say(f"{_MARKS[finding.state]:<8} {finding.name}: {finding.text}", indent=9)
            if finding.fix:
                say(f"{'':8} → {finding.fix}", indent=11)
    if any(finding.state == "Problem" for finding in found.findings):
        raise click.exceptions.Exit(1)
