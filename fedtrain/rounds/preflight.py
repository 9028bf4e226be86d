"""Preflight: each participant counts and fingerprints its data once, before the first round.

A round is planned for those that have answered. Round 1 waits for all of them until the deadline; one that answers
later joins the round that is planned next.
"""

from fedtrain.api.base import seconds
from fedtrain.rounds import orders
from fedtrain.rounds.snapshot import Snapshot
from fedtrain.rounds.stage import Work, because


def inspect(work: Work) -> None:
    """Pursues the preflight of every participant that has none."""
    spec, ledger = work.snapshot.spec, work.snapshot.ledger
    for participant in spec.participants:
        if participant.name not in ledger.preflights:
            work.pursue("Inspect", participant.name, lambda key: orders.inspect_task(spec, ledger.run, key))


def too_few(work: Work) -> str:
    """Why too few participants can still pass; empty while enough can."""
    snapshot = work.snapshot
    refused = {who: why for who, why in work.given_up.items() if not who.startswith("_")}
    possible = len(snapshot.spec.participants) - len(refused)
    waited = time_left(snapshot) <= 0
    if waited:
        possible = len(snapshot.ledger.preflights)
    if possible >= snapshot.spec.minimum:
        return ""
    silent = {
        participant.name: "no answer before the deadline"
        for participant in snapshot.spec.participants
        if waited and participant.name not in snapshot.ledger.preflights and participant.name not in refused
    }
    return f"{snapshot.spec.minimum} participants are needed and {possible} can take part: {because(refused | silent)}"


def preflight_settled(snapshot: Snapshot, refused: dict[str, str]) -> bool:
    """Whether round 1 may be planned: everyone has answered or given up, or the deadline has passed."""
    answered = snapshot.ledger.preflights.keys() | refused.keys()
    return all(p.name in answered for p in snapshot.spec.participants) or time_left(snapshot) <= 0


def why_uncounted(snapshot: Snapshot, who: str) -> str:
    """Why this participant has no preflight: how its newest try failed, where the hands still know."""
    failed = {
        (key.round, key.attempt): execution.reason
        for key, execution in snapshot.executions.items()
        if key.kind == "Inspect" and key.who == who and execution.state == "Failed"
    }
    return f"its data was not counted: {failed[max(failed)]}" if failed else "it has not counted its data yet"


def time_left(snapshot: Snapshot) -> float:
    """Seconds until the round's deadline, in time in which work could go on."""
    return seconds(snapshot.spec.rounds.deadline) - snapshot.elapsed
