"""Stops a run on this machine that would begin without the data of a participant.

On a cluster, a participant whose data is invalid is left out and the others continue. Here, all data is the user's, who
can correct it: a run without a part of it would look like a success.
"""

from fedtrain.contracts import names
from fedtrain.rounds.decision import STOPPED, Claim, Decision
from fedtrain.rounds.preflight import why_uncounted
from fedtrain.rounds.snapshot import Snapshot
from fedtrain.rounds.stage import because


def missing_data(snapshot: Snapshot, decision: Decision) -> str | None:
    """Return the participants whose data is missing, and why, once all data is read that can be read; None while data
    is read, if all of it counts, or if round 0 is recorded."""
    if snapshot.ledger.manifest is not None or decision.phase in STOPPED:
        return None
    inspecting = {key: one for key, one in snapshot.executions.items() if key.kind == "Inspect"}
    refused = {key.who for key, one in inspecting.items() if one.state == "Failed" and not one.retryable}
    begins = any(isinstance(action, Claim) and action.name == names.manifest(0) for action in decision.actions)
    if not begins and (not refused or any(one.state == "Running" for one in inspecting.values())):
        return None
    uncounted = [one.name for one in snapshot.spec.participants if one.name not in snapshot.ledger.preflights]
    silent = f"its data was not counted before the deadline of {snapshot.spec.rounds.deadline}"
    reasons = {who: why_uncounted(snapshot, who) or silent for who in uncounted if begins or who in refused}
    if not reasons:
        return None
    longer = ", or raise `rounds.deadline`" if silent in reasons.values() else ""
    return f"{because(reasons)}. Correct the data, or remove the participant from spec.participants{longer}"
