"""`fedtrain run FILE`: a federation on this machine."""

import signal
import sys
from pathlib import Path
from types import FrameType

import click

from fedtrain.cli.errors import UserError


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--parallel", type=click.IntRange(min=1), help="Participants that train at a time [default: by cores or GPUs]."
)
@click.option("--json", "as_json", is_flag=True, help="Events for programs, one JSON object a line.")
@click.option("--plain", is_flag=True, help="Plain lines, also on a terminal.")
def command(file: Path, parallel: int | None, as_json: bool, plain: bool) -> None:
    """Run the federation in FILE on this machine, or go on where it was.

    Every participant trains here, in turn or in parallel, on the data that its policy in FILE names. Interrupted or
    killed, the same command goes on and ends with the same result.
    """
    from fedtrain.api.reading import read_file
    from fedtrain.results.export import export_run
    from fedtrain.runner.errors import RunError
    from fedtrain.runner.run import run

    federation = read_file(file)
    signal.signal(signal.SIGTERM, _interrupt)
    progress = _progress(as_json, plain)
    try:
        outcome = run(federation, listener=progress, parallel=parallel)
    except KeyboardInterrupt:
        progress.close()
        click.echo(f"stopped; `fedtrain run {file}` goes on where it was", err=True)
        sys.exit(130)
    except RunError as error:
        raise UserError(str(error)) from error
    finally:
        progress.close()
    if outcome.phase != "Succeeded":
        again = (
            f"What was recorded is kept. The cause mended, `fedtrain run {file}` goes on with round {outcome.round}."
        )
        raise UserError(f"the run failed in round {outcome.round}: {outcome.message}", again)
    folder = export_run(federation)
    if not as_json:
        click.echo(f"adapter: {folder}")


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _progress(as_json: bool, plain: bool):
    if as_json:
        from fedtrain.runner.progress.as_json import JsonProgress

        return JsonProgress()
    if plain or not sys.stdout.isatty():
        from fedtrain.runner.progress.plain import PlainProgress

        return PlainProgress()
    from fedtrain.runner.progress.live import LiveProgress

    return LiveProgress()
