"""`fedtrain logs RUN [PARTICIPANT]`: output and time use of a run's tasks."""

import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fedtrain.cli.numbers import WholeNumber
from fedtrain.cli.run_argument import RUN, participants_of_run
from fedtrain.quoting import quoted

if TYPE_CHECKING:
    from fedtrain.cli.errors import UserError
    from fedtrain.results.locate import Located

_POLL_SECONDS = 1.0
_INDENT = 8
"""Indentation of continuation lines on a terminal."""


@click.command()
@click.argument("run", type=RUN)
@click.argument("participant", required=False, shell_complete=participants_of_run)
@click.option("--round", "number", type=WholeNumber(min=0), help="Show this round only.")
@click.option("-f", "--follow", is_flag=True, help="Continue until the run ends.")
@click.option("--cluster", is_flag=True, help="RUN is NAMESPACE/NAME of a training on the cluster of kubectl.")
@click.option("--context", help="Context of the kubeconfig.")
@click.option("--kubeconfig", help="Path of the kubeconfig.")
def command(
    run: str,
    participant: str | None,
    number: int | None,
    follow: bool,
    cluster: bool,
    context: str | None,
    kubeconfig: str | None,
) -> None:
    """Show the output and the time use of RUN's tasks: all, PARTICIPANT's only, or the hub's (`hub`).

    RUN is the folder of a run (runs/default/quickstart), its federation file, or s3://bucket/prefix/namespace/name.
    With --cluster, show the tasks that exist at the hub, with the log lines that the participants' policies allow.
    """
    if cluster:
        _show_cluster(run, participant, number, follow, context, kubeconfig)
        return
    try:
        _show_ledger(run, participant, number, follow)
    except KeyboardInterrupt:  # the way to end --follow
        raise click.exceptions.Exit(130) from None


def _show(text: str) -> None:
    from fedtrain.cli.wrapping import say

    for line in text.split("\n"):
        say(line, indent=_INDENT)


def _show_cluster(
    run: str,
    participant: str | None,
    number: int | None,
    follow: bool,
    context: str | None,
    kubeconfig: str | None,
) -> None:
    from fedtrain.cli.cluster_logs import cluster_logs
    from fedtrain.cli.errors import UserError
    from fedtrain.cli.kubectl import Kubectl

    if follow:
        raise UserError("--follow does not work with --cluster", "Run kubectl get trainingtasks -A --watch.")
    texts = cluster_logs(Kubectl(context, kubeconfig), run, participant, number)
    for text in texts:
        _show(text)
    if not texts:
        click.echo("no such task exists at the hub; tasks are deleted after the next round", err=True)


def _show_ledger(run: str, participant: str | None, number: int | None, follow: bool) -> None:
    from fedtrain.cli.errors import UserError
    from fedtrain.ledger.store import StoreUnavailable
    from fedtrain.results.following import Following
    from fedtrain.results.locate import NoRun, locate
    from fedtrain.results.logs import HUB
    from fedtrain.results.run_phase import NOT_RUNNING
    from fedtrain.results.summary import summarise

    try:
        ledger = (_begun(run) if follow else locate(run)).ledger
    except NoRun as error:
        raise _without_run(run) or error from None
    summary = summarise(ledger)
    who = [one.name for one in summary.spec.participants]
    if participant not in (None, HUB, *who):
        raise UserError(
            f"{participant!r} is not a participant of {summary.name}",
            f"Use one of {', '.join(f'`{one}`' for one in [*who, HUB])}.",
        )
    rounds = [round.number for round in summary.rounds]
    if number is not None and number not in rounds and not (follow and number <= summary.rounds_of):
        valid = f"Use a round from {rounds[0]} to {rounds[-1]}." if rounds else f"The run is in phase {summary.phase}."
        raise UserError(f"{summary.name} has no round {number}", valid)
    following = Following(ledger, participant, number)
    reported = False
    while True:
        try:
            summary = summarise(ledger) if follow else summary
            for text in following.news():
                _show(text)
            reported = False
        except StoreUnavailable as error:
            if not follow:
                raise
            if not reported:  # once per outage
                click.echo(f"{error} Retrying.", err=True)
            reported = True
        if not follow or (summary.phase in NOT_RUNNING and not reported):
            break
        time.sleep(_POLL_SECONDS)
    if follow and summary.phase == "Interrupted":
        click.echo(f"{summary.name} is interrupted. {summary.message}", err=True)
    if not following.has_shown:
        which = (f" of {participant}" if participant else "") + ("" if number is None else f" in round {number}")
        click.echo(f"no task{which} has ended yet; {summary.name} is in phase {summary.phase}", err=True)


def _begun(run: str) -> "Located":
    """Return the run, after `fedtrain run` has started it: until then, there is nothing to follow."""
    from fedtrain.results.locate import NotBegun, locate

    reported = False
    while True:
        try:
            return locate(run)
        except NotBegun:
            if not reported:
                click.echo(f"waiting for fedtrain run {quoted(run)}", err=True)
            reported = True
        time.sleep(_POLL_SECONDS)


def _without_run(name: str) -> "UserError | None":
    """The error of a command that names a participant, or `hub`, instead of the run; None for another one."""
    from fedtrain.cli.errors import UserError
    from fedtrain.contracts import names
    from fedtrain.contracts.records import Run
    from fedtrain.ledger.run_spec import spec_of
    from fedtrain.ledger.store import StoreError
    from fedtrain.results.locate import locate, runs_near
    from fedtrain.results.logs import HUB

    for folder in runs_near(Path()):
        with suppress(StoreError):  # the error is not about this run
            ledger = locate(str(folder)).ledger
            claimed = ledger.read(names.RUN, Run)
            known = [one.name for one in spec_of(ledger, claimed).participants] if claimed is not None else []
            if name not in (HUB, *known):
                continue
            return UserError(f"{name} is not a run", f"Name the run first: `fedtrain logs {quoted(folder)} {name}`.")
    return None
