"""Preflight: each participant counts and fingerprints its data once, before the first round.

A round is planned for the participants that have answered. Round 1 waits for all of them until the deadline; one that
answers later joins the round that is planned next, so preflights continue in the background of every stage.
"""

from collections.abc import Collection

from fedtrain.contracts import names
from fedtrain.plurals import form, several
from fedtrain.rounds import orders
from fedtrain.rounds.attempts import LONGEST_REASON
from fedtrain.rounds.quorum import is_below_minimum
from fedtrain.rounds.reason_text import after_name
from fedtrain.rounds.snapshot import Snapshot
from fedtrain.rounds.stage import Work, because
from fedtrain.rounds.time_left import time_left
from fedtrain.rounds.unreachable import refusal


def inspect(work: Work) -> None:
    """Starts the preflight of every participant that has none, until the round's deadline. A preflight that an earlier
    round started and that still runs continues; one that was given up is retried in every round."""
    snapshot = work.snapshot
    spec, ledger = snapshot.spec, snapshot.ledger
    if time_left(snapshot) <= 0:
        return
    for participant in spec.participants:
        who = participant.name
        if who in ledger.preflights:
            continue
        if who in ledger.preflight_faults:
            work.given_up[who] = invalid_preflight(snapshot, who)
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
    """Why too few participants can take part; empty while enough can."""
    snapshot = work.snapshot
    spec, counted = snapshot.spec, snapshot.ledger.preflights
    refused = {p.name: work.given_up[p.name] for p in spec.participants if p.name in work.given_up}
    refused |= {
        p.name: "it has no training samples"
        for p in spec.participants
        if p.name in counted and counted[p.name].samples == 0
    }
    if time_left(snapshot) <= 0:
        silent = f"no answer before the deadline of {spec.rounds.deadline}"
        refused |= {
            p.name: why_uncounted(snapshot, p.name) or silent for p in spec.participants if p.name not in counted
        }
    possible = len(spec.participants) - len(refused)
    if possible >= spec.minimum:
        return ""
    return (
        f"{several(spec.minimum, 'participant')} {form(spec.minimum, 'is', 'are')} needed and {possible} can "
        f"take part: {because(refused)}"
    )


def preflight_settled(work: Work) -> bool:
    """Whether round 1 may be planned: the deadline has passed, or all participants have answered or were given up, but
    those whose namespace takes no tasks, if enough others remain."""
    spec, counted = work.snapshot.spec, work.snapshot.ledger.preflights
    able = sum(preflight.samples > 0 for preflight in counted.values())
    unawaited: Collection[str] = () if is_below_minimum(able, spec) else work.untasked
    answered = {*counted, *work.given_up, *unawaited}
    return all(p.name in answered for p in spec.participants) or time_left(work.snapshot) <= 0


def invalid_preflight(snapshot: Snapshot, who: str) -> str:
    """Why the preflight record of a participant does not count, and how to ask the participant again."""
    name, fault = names.preflight(who), snapshot.ledger.preflight_faults[who]
    return f"{name} does not count: {fault}. Delete this object to count the data again"[:LONGEST_REASON]


def why_uncounted(snapshot: Snapshot, who: str) -> str | None:
    """Why this participant's newest preflight failed or does not run yet; None if that is not known."""
    if who in snapshot.ledger.preflight_faults:
        return invalid_preflight(snapshot, who)
    if who in snapshot.refusing:
        return f"its data was not counted: {refusal(snapshot, who).reason}"[:LONGEST_REASON]
    reasons = {
        (key.round, key.attempt): execution.reason
        for key, execution in snapshot.executions.items()
        if key.kind == "Inspect" and key.who == who and execution.state != "Done" and execution.reason
    }
    return f"its data was not counted: {after_name(who, reasons[max(reasons)])}"[:LONGEST_REASON] if reasons else None
