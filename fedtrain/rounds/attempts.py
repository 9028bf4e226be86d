"""Attempts: start one, let it run, grant a further one, wait for the back-off, or give up.

The first attempt needs no grant; each further one is a `Grant` in the ledger, so that all coordinators count alike.
Only grants of this epoch with cause Failed use retries: a round that failed and is resumed has all its retries again,
and its first new attempt is free. An attempt that the ledger refused to serve is repeated until the deadline, because
neither the participant nor its data is at fault."""

from dataclasses import dataclass
from typing import Literal

from blake3 import blake3

from fedtrain.contracts import names
from fedtrain.contracts.records import Grant
from fedtrain.rounds.decision import Claim
from fedtrain.rounds.snapshot import Kind, Snapshot, TaskKey

BACK_OFF_SECONDS = 1.0
LONGEST_BACK_OFF_SECONDS = 60.0
LONGEST_REASON = 1000
"""Characters of a reason or message in a record."""


Cause = Literal["Failed", "Resumed", "LedgerRefused"]


@dataclass(frozen=True)
class Go:
    """This attempt should run: start it, or let it run."""

    key: TaskKey
    running: bool


@dataclass(frozen=True)
class Again:
    """A new attempt is due: grant it."""

    claim: Claim


@dataclass(frozen=True)
class Wait:
    """A new attempt is due in `seconds`. `refusal`: the ledger's refusal that the task waits for."""

    seconds: float
    refusal: str = ""


@dataclass(frozen=True)
class GivenUp:
    """No further attempt in this epoch."""

    reason: str


Attempting = Go | Again | Wait | GivenUp


def attempt(snapshot: Snapshot, now: float, kind: Kind, who: str, spent: dict[int, str] | None = None) -> Attempting:
    """What to do about the work of `who`, whose result isn't in the ledger.

    `spent`: attempts that the ledger itself shows to have failed (a record without its file, a quarantined update),
    with the reason.
    """
    round = snapshot.ledger.current.round
    grants = [grant for grant in snapshot.ledger.current.grants if grant.who == who]
    newest = max((grant.attempt for grant in grants), default=1)
    epoch = max((grant.epoch for grant in grants), default=_epoch_at_start(snapshot))
    key = TaskKey(round, kind, who, newest)
    execution = snapshot.executions.get(key)
    permanent, ended_at, refusal = False, None, ""
    if spent and newest in spent:
        reason = spent[newest]
    elif execution is None:
        return Go(key, running=False)
    elif execution.state == "Running":
        return Go(key, running=True)
    elif execution.state == "Done":
        reason, ended_at = "it ended without leaving its record", execution.ended_at
    else:
        reason, ended_at, permanent = execution.reason, execution.ended_at, not execution.retryable
        refusal = reason if execution.ledger_refused else ""

    reason = reason[:LONGEST_REASON]
    if epoch < snapshot.epoch:
        return _grant(snapshot, who, newest, "Resumed", reason)
    used = sum(grant.epoch == snapshot.epoch and grant.cause == "Failed" for grant in grants)
    if not refusal and (permanent or used >= snapshot.spec.rounds.retries):
        return GivenUp(reason if permanent or used == 0 else f"{reason} (attempt {newest}, no retry left)")
    due = now if ended_at is None else ended_at + back_off(snapshot.ledger.run.run_id, round, who, newest)
    if now < due:
        return Wait(due - now, refusal)
    return _grant(snapshot, who, newest, "LedgerRefused" if refusal else "Failed", reason)


def _epoch_at_start(snapshot: Snapshot) -> int:
    """Return the epoch in which the current round began: failures of earlier rounds leave its retries as they are."""
    return 1 + sum(failure.round < snapshot.ledger.current.round for failure in snapshot.ledger.failures)


def back_off(run_id: str, round: int, who: str, attempt: int) -> float:
    """Seconds between the end of this attempt and the next: exponential, with a jitter of +-50% that depends on
    nothing but its arguments, so that every coordinator waits the same."""
    digest = blake3(f"{run_id}/{round}/{who}/{attempt}".encode()).digest(length=8)
    jitter = 0.5 + int.from_bytes(digest, "little") / 2**64
    return min(BACK_OFF_SECONDS * 2 ** min(attempt - 1, 16), LONGEST_BACK_OFF_SECONDS) * jitter


def _grant(snapshot: Snapshot, who: str, newest: int, cause: Cause, reason: str) -> Again:
    round, number = snapshot.ledger.current.round, newest + 1
    while names.grant(round, who, number) in snapshot.ledger.strays:  # a stray has the name
        number += 1
    grant = Grant(
        run_id=snapshot.ledger.run.run_id,
        round=round,
        who=who,
        attempt=number,
        epoch=snapshot.epoch,
        cause=cause,
        reason=reason,
    )
    return Again(Claim(names.grant(grant.round, who, grant.attempt), grant))
