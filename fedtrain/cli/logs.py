"""`fedtrain logs RUN [PARTICIPANT]`."""

import time

import click

_POLL_SECONDS = 1.0


@click.command()
@click.argument("run")
@click.argument("participant", required=False)
@click.option("--round", "number", type=click.IntRange(min=0), help="Of this round alone.")
@click.option("-f", "--follow", is_flag=True, help="Go on until the run is over.")
def command(run: str, participant: str | None, number: int | None, follow: bool) -> None:
    """Show what RUN's tasks said and where their time went; PARTICIPANT's alone, or the hub's (`hub`).

    RUN is a run's folder (runs/default/quickstart), its federation file, or s3://bucket/prefix/namespace/name.
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
        raise UserError(f"{summary.name} has no participant {participant}", f"it has {', '.join([*who, HUB])}")
    rounds = [round.number for round in summary.rounds]
    if number is not None and number not in rounds and not (follow and number <= summary.rounds_of):
        there = f"it has rounds {rounds[0]} to {rounds[-1]}" if rounds else f"it is at {summary.phase}"
        raise UserError(f"{summary.name} has no round {number}", there)
    shown: set[str] = set()
    told = False
    while True:
        try:
            summary = summarise(ledger) if follow else summary
            for entry in entries(ledger, participant, number):
                if (said := text(entry)) not in shown:
                    shown.add(said)
                    click.echo(said)
            told = False
        except StoreUnavailable as error:
            if not follow:
                raise
            if not told:  # once for each outage
                click.echo(f"{error} It is asked again until it answers.", err=True)
            told = True
        if not follow or (summary.phase in ("Succeeded", "Failed") and not told):
            break
        time.sleep(_POLL_SECONDS)
    if not shown:
        which = (f" of {participant}" if participant else "") + ("" if number is None else f" in round {number}")
        click.echo(f"no task{which} has ended yet: {summary.name} is at {summary.phase}", err=True)
