"""`fedtrain run FILE`: run a federation on this machine."""

import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from fedtrain.cli.errors import FULL, UserError
from fedtrain.cli.next_commands import show_next
from fedtrain.cli.numbers import WholeNumber
from fedtrain.cli.progress import progress_view, shown_on_terminal
from fedtrain.cli.wrapping import aside, say
from fedtrain.quoting import quoted

if TYPE_CHECKING:
    from fedtrain.api.reading import Federation
    from fedtrain.results.run_result import RunResult


@click.command()
@click.argument("file", type=click.Path(readable=False, path_type=Path))
@click.option(
    "--parallel",
    type=WholeNumber(min=1),
    help="Participants that train at the same time [default: from cores or GPUs].",
)
@click.option("--json", "as_json", is_flag=True, help="Print events as JSON, one object per line.")
@click.option("--plain", is_flag=True, help="Print plain lines, also on a terminal.")
def command(file: Path, parallel: int | None, as_json: bool, plain: bool) -> None:
    """Run the federation in FILE on this machine, or resume it.

    Every participant trains here, in turn or in parallel, on the data that its policy in FILE names. After Ctrl-C or a
    crash, run the same command again: it resumes and ends with the same result.
    """
    again = f"fedtrain run {quoted(file)}"
    with shown_on_terminal(f"reading {file}", plain or as_json):
        from fedtrain.cli.policy_errors import read_for_this_machine
        from fedtrain.contracts.as_json import as_json as plain_json
        from fedtrain.results.run_result import finished
        from fedtrain.rounds.decision import FINISHED
        from fedtrain.runner.progress.as_json import JsonProgress
        from fedtrain.runner.run import run

        federation = read_for_this_machine(file)
        with _explained(again, federation):
            warnings = _check(federation)
    for warning in warnings:
        aside(f"warning: {warning}")
    signal.signal(signal.SIGTERM, _interrupt)
    progress = progress_view(as_json, plain)
    result = None
    try:
        with _explained(again, federation):
            outcome = run(federation, listener=progress, parallel=parallel)
            if outcome.phase in FINISHED:
                result = finished(federation)
    except KeyboardInterrupt:
        progress.close()
        click.echo(f"stopped. Run `{again}` to resume", err=True)
        sys.exit(130)
    finally:
        progress.close()
    if result is None:
        raise UserError(
            f"the run failed in round {outcome.round}: {outcome.message}",
            ways_out(outcome.round, file, outcome.reason, outcome.message),
        )
    if as_json:
        JsonProgress().print("Result", plain_json(result))
        return
    _show(result, file, before=outcome.before)


def _check(federation: "Federation") -> tuple[str, ...]:
    """Check rows and base model before round 0, as `fedtrain validate` does, and return warnings. All data of a run on
    this machine is the user's, so an invalid row is an error, not a reason to leave a participant out. Later, check
    that the rows are still those of the run. Raises Invalid, UserError, StoreError."""
    from fedtrain.api.reading import Invalid
    from fedtrain.cli.run_of_file import check_rows_of_run
    from fedtrain.contracts import names
    from fedtrain.preview.check import SAMPLED_ROWS, check
    from fedtrain.preview.rounds_below_minimum import played_with_data, rounds_not_trained
    from fedtrain.runner.bindings import ledger_of

    ledger = ledger_of(federation, reading=True)
    if ledger.size(names.manifest(0)) is not None:
        return check_rows_of_run(federation, ledger)
    found = check(federation, SAMPLED_ROWS)
    if errors := [*found.errors, *rounds_not_trained(federation, played_with_data(federation))]:
        raise Invalid(errors)
    return found.warnings


@contextmanager
def _explained(again: str, federation: "Federation") -> Generator[None]:
    """Turn errors that end a run into UserError. `again`: the command that resumes it."""
    from fedtrain.ledger.lost_run import LostRun
    from fedtrain.ledger.store import StoreError
    from fedtrain.runner.errors import RunError

    try:
        yield
    except LostRun:
        raise  # the same command cannot succeed
    except (RunError, StoreError, OSError) as error:
        if isinstance(error, OSError) and error.errno not in FULL:
            raise
        problem = f"{error.filename or 'the output'}: {error.strerror}" if isinstance(error, OSError) else str(error)
        from fedtrain.runner.bindings import storage_of

        storage = storage_of(federation)
        kept = "; recorded rounds are kept" if storage.file is None or Path(storage.file.path).exists() else ""
        raise UserError(problem, f"Fix the cause and run `{again}` again{kept}.") from error


def ways_out(round: int, file: Path, reason: str | None = None, message: str = "") -> str:
    """Return what to do after a run has failed in `round` for `reason`. `message`: of the failure."""
    from fedtrain.contracts.records import QUARANTINED
    from fedtrain.rounds.privacy_budget import BUDGET_EXHAUSTED

    name = quoted(file)
    if reason == BUDGET_EXHAUSTED:
        return (
            f"The adapter of round {round - 1} is kept: `fedtrain export {name}` writes it. To train it further, "
            f"`fedtrain init --from {name}` writes the file of a new run; on the same data, its epsilon adds to the "
            "one that this run has spent."
        )
    if round == 0:
        return f"Fix the cause and run `fedtrain run {name}` to resume at round 0."
    new_run = (
        f"write the file of a new run with `fedtrain init --from {name}`, which starts from the adapter of round "
        f"{round - 1}"
    )
    if QUARANTINED in message:
        return (
            "The settings of a run that has begun cannot change, and the same settings give the same updates. So "
            f"{new_run}, and change the settings in it: if norms are too large, lower `training.learningRate` or raise "
            "`aggregation.maxUpdateNorm`."
        )
    return (
        f"If the cause is not a setting, fix it and run `fedtrain run {name}` to resume at round {round}; recorded "
        f"rounds are kept. `fedtrain logs {name}` shows what the trainers wrote. If the cause is a setting, {new_run}, "
        "and change it there: the settings of a run that has begun cannot change."
    )


def _show(result: "RunResult", file: Path, *, before: bool) -> None:
    from fedtrain.results.run_result import next_commands, result_lines

    click.echo()
    if before:
        say(f"{result.name} was finished before: nothing was trained now. For a new run, change `metadata.name`.")
    for line in result_lines(result):
        say(line)
    show_next(*next_commands(result, file))


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
