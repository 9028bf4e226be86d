"""Excluding a participant from a round that is not recorded yet."""

from fedtrain.contracts import names
from fedtrain.contracts.records import Close, Exclusion, Manifest, Run
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.store import StoreError


class CannotExclude(StoreError):
    """The round cannot be redone. The message says why and what to do."""


def exclude(ledger: Ledger, run: Run, exclusion: Exclusion) -> Exclusion:
    """Record the exclusion, and return the one that the ledger has then. Raises CannotExclude, StoreError."""
    round, who = exclusion.round, exclusion.participant
    participants = [str(one["name"]) for one in run.spec["participants"]]
    if who not in participants:
        raise CannotExclude(
            f"{who!r} is not a participant of {run.name}. Use one of {', '.join(f'`{one}`' for one in participants)}."
        )
    if ledger.size(names.manifest(round)) is not None:
        raise _is_recorded(ledger, exclusion)
    if ledger.size(names.manifest(round - 1)) is None:
        raise CannotExclude(f"Round {round} of {run.name} has not begun. Set --round to the current round.")
    found = ledger.claim(names.exclusion(round, who), exclusion)
    manifest = ledger.read(names.manifest(round), Manifest)  # a coordinator may have recorded the round meanwhile
    close = ledger.read(names.close(round, manifest.k), Close) if manifest and manifest.k else None
    if close is not None and any(update.participant == who for update in close.updates):
        raise _is_recorded(ledger, exclusion)
    return found


def _is_recorded(ledger: Ledger, exclusion: Exclusion) -> CannotExclude:
    round, before = exclusion.round, exclusion.round - 1
    return CannotExclude(
        f"Round {round} is recorded at {ledger.url} and cannot be redone: its manifest is final, and later rounds and "
        f"copies of it rest on it. Start a new run from round {before} with `fedtrain init --from {ledger.address} "
        f"--round {before}`, and remove {exclusion.participant} from participants in the file that it writes."
    )
