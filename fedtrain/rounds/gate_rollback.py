"""`evaluation.gate`: a round whose adapter is rejected ends as the previous one did, and too many in a row end the run.

A rollback is a manifest like any other: first writer wins, and the next round starts from what it names. It refunds no
privacy budget, since the noise of the round was drawn.
"""

from fedtrain.contracts import names
from fedtrain.contracts.canonical import digest_of
from fedtrain.contracts.gate_state import GateState, explained, judge
from fedtrain.contracts.records import Manifest
from fedtrain.plurals import form, several
from fedtrain.rounds.decision import Claim, Decision
from fedtrain.rounds.early_stopping import early_stopping_state
from fedtrain.rounds.privacy_state import next_state
from fedtrain.rounds.snapshot import Snapshot

REGRESSED = "Regressed"
"""Reason of the failure if the gate ends a run in which no round was committed."""


def gate_state(snapshot: Snapshot, k: int) -> GateState | None:
    """Return the state after the current round, whose adapter is that of close `k` (0: the initial one)."""
    ledger = snapshot.ledger
    evaluation = ledger.current.evaluations.get(k)
    before = ledger.manifest.gate if ledger.manifest else None
    return judge(snapshot.spec, before, evaluation.metrics if evaluation else None)


def rolled_back(snapshot: Snapshot, manifest: Manifest, committed: Manifest) -> Decision | None:
    """Return the decision that records the round as rolled back; None if the gate accepts its adapter. `committed`:
    the manifest that it would have otherwise."""
    if committed.gate is None or committed.gate.rejected is None:
        return None
    assert committed.k is not None
    record = committed.model_copy(
        update={
            "outcome": "RolledBack",
            "step": manifest.step,
            "adapter": manifest.adapter,
            "state": manifest.state,
            "privacy": next_state(snapshot, manifest),  # all spends, and the previous clipping norm
            "early_stopping": early_stopping_state(snapshot, committed.k, rolled_back=True),
            "previous": digest_of(manifest),
        }
    )
    message = f"rolled back: {explained(snapshot.spec, committed.gate)}"
    return Decision("Recording", message, record.round, (Claim(names.manifest(record.round), record),))


def closed(snapshot: Snapshot, manifest: Manifest) -> str | None:
    """Return why the gate ends the run; None while it does not."""
    gate, state = snapshot.spec.evaluation.gate, manifest.gate
    if gate is None or state is None or state.consecutive < gate.limit:
        return None
    rounds = (
        f"{several(state.consecutive, 'round')} in a row {form(state.consecutive, 'was', 'were')}"
        if state.consecutive > 1
        else "a round was"
    )
    why = explained(snapshot.spec, state)
    return f"{rounds} rolled back by evaluation.gate{f': {why}' if why else ''}"
