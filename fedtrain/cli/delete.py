"""`fedtrain delete RUN`: delete a run that is not running."""

import time
from pathlib import Path

import click

from fedtrain.cli.run_argument import RUN
from fedtrain.cli.wrapping import aside


@click.command()
@click.argument("run", type=RUN)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--orphaned", is_flag=True, help="Also delete an unfinished run in a bucket: no cluster has it any more.")
def command(run: str, yes: bool, orphaned: bool) -> None:
    """Delete RUN: its rounds, adapters and logs, and what was exported to its folder.

    A run that is running is never deleted, nor is anything that does not belong to the run. Of a run that has lost its
    run.json, what remains is deleted. On a cluster, delete the FederatedTraining instead. RUN is the folder of a run
    (runs/default/quickstart), its federation file, or s3://bucket/prefix/namespace/name.
    """
    from fedtrain.cli.errors import UserError, denied
    from fedtrain.cli.spent_privacy import kept_spending
    from fedtrain.contracts import names
    from fedtrain.ledger.affected_rounds import listed_rounds
    from fedtrain.ledger.lost_run import lost_run
    from fedtrain.listing import listed
    from fedtrain.permissions import access_fix
    from fedtrain.plurals import form, several
    from fedtrain.results.deletion import check_deletable, delete_run, plan_deletion
    from fedtrain.results.locate import locate

    located = locate(run, lost=True)
    ledger = located.ledger
    check_deletable(ledger, orphaned, _wait)
    if (lost := lost_run(ledger)) is not None:
        aside(f"note: {names.RUN} is missing. This deletes what remains of the run: {listed_rounds(lost.rounds)}")
    if not yes:
        planned = plan_deletion(ledger)
        exports = f", and {listed(planned.exports)} in its folder" if planned.exports else ""
        if not _confirmed(f"Delete the run {ledger.address} ({several(planned.objects, 'file')}{exports})?"):
            raise UserError("nothing was deleted", "Answer y, or use --yes.")
    spending = kept_spending(located)
    try:
        done = delete_run(ledger)
    except PermissionError as error:
        problem, _ = denied(Path(str(error.filename)))
        fix = access_fix(Path(ledger.address), "rwX", "-R")
        raise UserError(f"{ledger.address} was not deleted. {problem}", fix) from error
    click.echo(f"deleted {ledger.address}")
    if spending:
        aside(f"note: {spending}")
    if done.kept:
        click.echo(
            f"kept {listed(done.kept)}, which {form(len(done.kept), 'does', 'do')} not belong to the run", err=True
        )


def _confirmed(question: str) -> bool:
    try:
        return click.confirm(question)
    except click.Abort:  # no terminal, whose user would have ended the line
        click.echo()
        return False


def _wait(seconds: float) -> None:
    click.echo(f"waiting {seconds:.0f} s to see whether a process on another host works on the run", err=True)
    time.sleep(seconds)
