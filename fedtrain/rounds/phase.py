"""Where a run stands, from its records alone: what a coordinator that starts now would decide."""

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.rounds.decide import decide
from fedtrain.rounds.decision import Decision
from fedtrain.rounds.snapshot import LedgerFacts, Snapshot


def observe(spec: FederatedTrainingSpec, ledger: LedgerFacts) -> Decision:
    """Return a decision for its phase and message; its actions are not meant to be applied. A failed run counts as
    resumed as soon as a record of its next epoch exists."""
    current, failures = ledger.current, ledger.failures
    epochs = [record.epoch for record in (*current.grants, *current.closes)]
    resumed = not failures or failures[-1].round != current.round or max(epochs, default=0) > len(failures)
    acknowledged = len(failures) if resumed else 0
    return decide(Snapshot(spec, ledger, {}, elapsed=0.0, acknowledged=acknowledged), now=0.0)
