"""`fedtrain validate FILE`."""

import json
import sys
from pathlib import Path

import click


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="For people or programs.")
def command(file: Path, output: str) -> None:
    """Check FILE, and show all its errors: where, what is there, and what to write instead.

    Nothing is downloaded or trained. Exit code 1 when there are errors.
    """
    from fedtrain.api.reading import Invalid, read_file

    try:
        federation = read_file(file)
    except Invalid as invalid:
        if output == "text":
            raise
        errors = [error.as_json() for error in invalid.errors]
        click.echo(json.dumps({"valid": False, "errors": errors}, indent=2, ensure_ascii=False))
        sys.exit(1)
    name, spec = federation.training.metadata.name, federation.training.spec
    who, rounds, strategy = [p.name for p in spec.participants], spec.rounds.count, spec.aggregation.strategy
    if output == "json":
        understood = {"name": name, "participants": who, "rounds": rounds, "strategy": strategy}
        click.echo(json.dumps({"valid": True, "errors": [], **understood}, indent=2))
        return
    names = ", ".join(who[:6]) + (", ..." if len(who) > 6 else "")
    participants = f"{len(who)} participant{'s' if len(who) > 1 else ''} ({names})"
    click.echo(f"{file} is valid: {name}, {participants}, {rounds} round{'s' if rounds > 1 else ''}, {strategy}.")
