"""Excluding a participant from a round that is not recorded yet."""

from fedtrain.contracts import names
from fedtrain.contracts.records import Close, Exclusion, Manifest, Run
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.run_spec import spec_of
from fedtrain.ledger.store import StoreError


class CannotExclude(StoreError):
    """The round cannot be redone. The message says why and what to do."""


def exclude(ledger: Ledger, run: Run, exclusion: Exclusion) -> Exclusion:
    """Record the exclusion, and return the one that the ledger has then. Raises CannotExclude, StoreError."""
    round, who = exclusion.round, exclusion.participant
    spec = spec_of(ledger, run)
    participants = [one.name for one in spec.participants]
    if who not in participants:
        raise CannotExclude(
            f"{who!r} is not a participant of {run.name}. Use one of {', '.join(f'`{one}`' for one in participants)}."
        )
    if ledger.size(names.manifest(round)) is not None:
        raise _is_recorded(ledger, run, exclusion)
    if ledger.size(names.END) is not None:
        raise CannotExclude(
            f"{run.name} has ended, so none of its rounds can be redone. Start a run without {who} from its adapter: "
            f"`fedtrain init --from {ledger.address}` writes the file."
        )
    if round > spec.rounds.count:
        raise CannotExclude(f"{run.name} has no round {round} (rounds.count is {spec.rounds.count}). Correct --round.")
    if ledger.size(names.manifest(round - 1)) is None:
        raise CannotExclude(f"Round {round} of {run.name} has not begun. Set --round to the current round.")
    found = ledger.claim(names.exclusion(round, who), exclusion)
    manifest = ledger.read(names.manifest(round), Manifest)  # a coordinator may have recorded the round meanwhile
    close = ledger.read(names.close(round, manifest.k), Close) if manifest and manifest.k else None
    if close is not None and any(update.participant == who for update in close.updates):
        raise _is_recorded(ledger, run, exclusion)
    return found


def _is_recorded(ledger: Ledger, run: Run, exclusion: Exclusion) -> CannotExclude:
    round, before, who = exclusion.round, exclusion.round - 1, exclusion.participant
    return CannotExclude(
        f"Round {round} of {run.name} is already recorded and cannot be changed, because the next round starts from "
        f"its adapter. {who} can only be left out of a new run, and then of all its rounds:\n"
        f"  1. `fedtrain init --from {ledger.address} --round {before}` writes FILE: a run that starts from the "
        f"adapter of round {before}.\n"
        f"  2. In FILE, delete {who} from `participants`, and the ParticipantPolicy of {who}.\n"
        f"  3. Start the new run: `fedtrain run FILE`; on a cluster, apply FILE as you applied this run."
    )
