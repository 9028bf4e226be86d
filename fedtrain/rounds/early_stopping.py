"""`rounds.earlyStopping`: a run whose adapter no longer improves at the hub ends before its last round.

The state is part of each manifest, so the decision needs the newest manifest only, and the chain says why a run ended.
"""

from fedtrain.contracts.early_stopping_state import EarlyStoppingState, explained, judge
from fedtrain.contracts.records import Manifest
from fedtrain.rounds.snapshot import Snapshot


def early_stopping_state(snapshot: Snapshot, k: int, rolled_back: bool = False) -> EarlyStoppingState | None:
    """Return the state after the current round, whose adapter is that of close `k` (0: the initial one)."""
    ledger = snapshot.ledger
    evaluation = ledger.current.evaluations.get(k)
    before = ledger.manifest.early_stopping if ledger.manifest else None
    return judge(snapshot.spec, before, ledger.round, evaluation.metrics if evaluation else None, rolled_back)


def stopped(snapshot: Snapshot, manifest: Manifest) -> str | None:
    """Return why the run ends after the round of `manifest`; None if it does not."""
    return explained(snapshot.spec, manifest.early_stopping, manifest.round)
