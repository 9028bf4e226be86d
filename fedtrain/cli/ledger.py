"""`fedtrain ledger verify RUN`: check every record and byte of a run. `fedtrain ledger exclude`: redo a round without a
participant."""

import getpass

import click

from fedtrain.cli.numbers import WholeNumber
from fedtrain.cli.run_argument import RUN
from fedtrain.cli.subcommands import Subcommands
from fedtrain.cli.wrapping import say
from fedtrain.quoting import quoted


@click.group(cls=Subcommands)
def command() -> None:
    """Verify the ledger of a run, or exclude a participant from its current round."""


@command.command()
@click.argument("run", type=RUN)
def verify(run: str) -> None:
    """Check every record, the chain of manifests and all bytes of RUN's ledger. Exits with 1 if a check fails.

    RUN is the folder of a run (runs/default/quickstart), its federation file, or s3://bucket/prefix/namespace/name.
    """
    from fedtrain.cli.errors import UserError
    from fedtrain.ledger import verify as verification
    from fedtrain.ledger.affected_rounds import listed_rounds
    from fedtrain.plurals import form, several
    from fedtrain.results.export import rounds_to_export
    from fedtrain.results.locate import locate
    from fedtrain.results.words import size

    ledger = locate(run).ledger
    result = verification.verify(ledger)
    say(f"ledger: {ledger.url}", indent=2)
    say(
        f"checked: {several(result.rounds, 'round')}, {several(result.records, 'record')}, "
        f"{several(result.blobs, 'blob')} and {several(result.updates, 'update')} ({size(result.bytes)})",
        indent=2,
    )
    for kind, found in (("finding", result.findings), ("note", result.notes)):
        for number, one in enumerate(found, 1):
            name, *rest = one.lines()
            if one.used_by is not None:
                rest.append(f"used by {listed_rounds(one.used_by)}" if one.used_by else "used by no record")
            click.echo("\n".join([f"{kind} {number}: {name}", *(f"  {line}" for line in rest)]), err=True)
    if not result.sound:
        if rounds := rounds_to_export(ledger, result.sound_rounds):
            without = (
                f"use only {listed_rounds(rounds)}, which {form(len(rounds), 'has', 'have')} no findings: "
                f"`fedtrain export {quoted(run)} --round {rounds[-1]}`."
            )
        else:
            why = "no command can read this run" if result.sound_rounds else "no trained round can be trusted"
            without = f"{why}: change `metadata.name` in the federation file, and start a new run."
        raise UserError(
            f"{several(len(result.findings), 'finding')}: the ledger was changed or damaged",
            f"Restore the files named above from a backup of the ledger, and verify again. Without a backup, {without}",
        )
    click.echo("OK: every digest matches")
    if result.tip is not None:
        click.echo(f"tip {result.tip}")
        say("Keep a copy of the tip elsewhere: with it, you can show later that no record was changed.", indent=2)


@command.command()
@click.argument("run", type=RUN)
@click.argument("participant")
@click.option("--round", "number", type=WholeNumber(min=1), required=True, help="Current round.")
@click.option("--reason", required=True, help="Why; recorded in the ledger.")
@click.option("--by", "decided_by", help="Who decided it; recorded in the ledger [default: the user's name].")
def exclude(run: str, participant: str, number: int, reason: str, decided_by: str | None) -> None:
    """Redo the current round of RUN without PARTICIPANT, which takes part again in the next round.

    The round closes again without the participant's update and is aggregated again. Rounds that are recorded cannot be
    redone. RUN is the folder of a run (runs/default/quickstart), its federation file, or
    s3://bucket/prefix/namespace/name.
    """
    from fedtrain.contracts import names
    from fedtrain.contracts.records import Exclusion, Run
    from fedtrain.ledger import exclude as excluding
    from fedtrain.results.locate import locate

    ledger = locate(run).ledger
    claimed = ledger.read(names.RUN, Run)
    assert claimed is not None
    exclusion = Exclusion(
        run_id=claimed.run_id,
        round=number,
        participant=participant,
        reason=reason,
        decided_by=decided_by or _user(),
    )
    found = excluding.exclude(ledger, claimed, exclusion)
    click.echo(f"round {number} is redone without {participant}, excluded by {found.decided_by}: {found.reason}")
    click.echo("A running coordinator continues by itself. If the run has failed or stopped, resume it.")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
