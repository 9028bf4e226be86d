"""`fedtrain logs RUN [PARTICIPANT]`: output and time use of a run's tasks."""

import time

import click

_POLL_SECONDS = 1.0


@click.command()
@click.argument("run")
@click.argument("participant", required=False)
@click.option("--round", "number", type=click.IntRange(min=0), help="Show this round only.")
@click.option("-f", "--follow", is_flag=True, help="Continue until the run ends.")
def command(run: str, participant: str | None, number: int | None, follow: bool) -> None:
    """Show the output and the time use of RUN's tasks: all, PARTICIPANT's only, or the hub's (`hub`).

    RUN is the folder of a run (runs/default/quickstart), its federation file, or s3://bucket/prefix/namespace/name.
    """
    from fedtrain.cli.errors import UserError
    from fedtrain.ledger.store import StoreUnavailable
    from fedtrain.results.locate import locate
    from fedtrain.results.logs import HUB, entries, text
    from fedtrain.results.summary import summarise

    ledger = locate(run).ledger
    summary = summarise(ledger)
    who = [one.name for one in summary.spec.participants]
    if participant not in (None, HUB, *who):
        raise UserError(
            f"{participant!r} is not a participant of {summary.name}", f"Use one of {', '.join([*who, HUB])}."
        )
    rounds = [round.number for round in summary.rounds]
    if number is not None and number not in rounds and not (follow and number <= summary.rounds_of):
        valid = f"Use a round from {rounds[0]} to {rounds[-1]}." if rounds else f"The run is in phase {summary.phase}."
        raise UserError(f"{summary.name} has no round {number}", valid)
    shown: set[str] = set()
    reported = False
    while True:
        try:
            summary = summarise(ledger) if follow else summary
            for entry in entries(ledger, participant, number):
                if (said := text(entry)) not in shown:
                    shown.add(said)
                    click.echo(said)
            reported = False
        except StoreUnavailable as error:
            if not follow:
                raise
            if not reported:  # once per outage
                click.echo(f"{error} Retrying.", err=True)
            reported = True
        if not follow or (summary.phase in ("Succeeded", "Halted", "Failed") and not reported):
            break
        time.sleep(_POLL_SECONDS)
    if not shown:
        which = (f" of {participant}" if participant else "") + ("" if number is None else f" in round {number}")
        click.echo(f"no task{which} has ended yet; {summary.name} is in phase {summary.phase}", err=True)
