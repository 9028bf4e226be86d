"""Preflight: each participant counts and fingerprints its data once, before the first round.

A round is planned for those that have answered. Round 1 waits for all of them until the deadline; one that answers
later joins the round that is planned next, so the others are asked on, in the background of every stage.
"""

from fedtrain.rounds import orders
from fedtrain.rounds.attempts import LONGEST_REASON
from fedtrain.rounds.deadlines import time_left
from fedtrain.rounds.snapshot import Snapshot
from fedtrain.rounds.stage import Work, because


def inspect(work: Work) -> None:
    """Pursues the preflight of every participant that has none, until the round's deadline. One that an earlier round
    asked for and that still runs goes on; one that was given up is asked again in every round."""
    snapshot = work.snapshot
    spec, ledger = snapshot.spec, snapshot.ledger
    if time_left(snapshot) <= 0:
        return
    for participant in spec.participants:
        who = participant.name
        if who in ledger.preflights:
            continue
        running = [
            key
            for key, execution in snapshot.executions.items()
            if key.kind == "Inspect" and key.who == who and execution.state == "Running" and key.round < ledger.round
        ]
        if running:
            work.keep.add(max(running))
        else:
            work.pursue("Inspect", who, lambda key: orders.inspect_task(spec, ledger.run, key))
        work.waits.append(time_left(snapshot))


def too_few(work: Work) -> str:
    """Why too few participants can still pass; empty while enough can."""
    snapshot = work.snapshot
    spec, counted = snapshot.spec, snapshot.ledger.preflights
    refused = {p.name: work.given_up[p.name] for p in spec.participants if p.name in work.given_up}
    refused |= {who: "it has no training samples" for who, preflight in counted.items() if preflight.samples == 0}
    if time_left(snapshot) <= 0:
        silent = f"no answer before the deadline of {spec.rounds.deadline}"
        refused |= {
            p.name: why_uncounted(snapshot, p.name) or silent for p in spec.participants if p.name not in counted
        }
    possible = len(spec.participants) - len(refused)
    if possible >= spec.minimum:
        return ""
    return f"{spec.minimum} participants are needed and {possible} can take part: {because(refused)}"


def preflight_settled(snapshot: Snapshot, refused: dict[str, str]) -> bool:
    """Whether round 1 may be planned: everyone has answered or given up, or the deadline has passed."""
    answered = snapshot.ledger.preflights.keys() | refused.keys()
    return all(p.name in answered for p in snapshot.spec.participants) or time_left(snapshot) <= 0


def why_uncounted(snapshot: Snapshot, who: str) -> str | None:
    """How this participant's newest preflight failed; None if it did not, or the executor have forgotten."""
    failed = {
        (key.round, key.attempt): execution.reason
        for key, execution in snapshot.executions.items()
        if key.kind == "Inspect" and key.who == who and execution.state == "Failed"
    }
    return f"its data was not counted: {failed[max(failed)]}"[:LONGEST_REASON] if failed else None
