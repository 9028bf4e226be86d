"""A round with fewer valid updates than it needs: the run fails, or the round is skipped, as the file says."""

from collections.abc import Mapping

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts import names
from fedtrain.contracts.canonical import digest_of
from fedtrain.contracts.gate_state import kept
from fedtrain.contracts.records import Absent, Close, Manifest, Plan
from fedtrain.plurals import several
from fedtrain.rounds.decision import Claim, Decision
from fedtrain.rounds.privacy_budget import unspent
from fedtrain.rounds.privacy_state import next_state
from fedtrain.rounds.snapshot import Snapshot
from fedtrain.rounds.stage import because, fail, reasons_of

BELOW_MINIMUM = "BelowMinimum"
"""Reason of the failure. The close that it is about no longer stands once the run is resumed."""


def is_below_minimum(updates: int, spec: FederatedTrainingSpec) -> bool:
    """Whether a round with this number of valid updates cannot be aggregated."""
    return updates < spec.minimum


def below_minimum(
    snapshot: Snapshot, manifest: Manifest, plan: Plan, missing: Mapping[str, Absent], close: Close | None = None
) -> Decision:
    """`missing`: participants without a valid update in this round."""
    needed, why = snapshot.spec.minimum, because(reasons_of(missing.values()))
    if snapshot.spec.rounds.below_minimum == "Fail":
        have = len(close.updates) if close else max(0, len(snapshot.spec.participants) - len(missing))
        return fail(
            snapshot,
            BELOW_MINIMUM,
            f"round {plan.round} needs {several(needed, 'valid update')} and can have {have}: {why}",
        )
    return skip(snapshot, manifest, plan, missing, f"skipped: {why}", close)


def skip(
    snapshot: Snapshot, manifest: Manifest, plan: Plan, missing: Mapping[str, Absent], message: str, close: Close | None
) -> Decision:
    """Record the round as skipped: it ends with the adapter and the server state of the previous round."""
    if (ending := unspent(snapshot, counted=None)) is not None:
        return ending
    skipped = Manifest(
        run_id=snapshot.ledger.run.run_id,
        round=plan.round,
        outcome="Skipped",
        k=close.k if close else None,
        step=manifest.step,
        adapter=manifest.adapter,
        config=manifest.config,
        state=manifest.state,
        plan=digest_of(plan),
        close=digest_of(close) if close else None,
        absent=tuple(missing[who] for who in sorted(missing)),
        privacy=next_state(snapshot, manifest),
        gate=kept(manifest.gate),
        early_stopping=manifest.early_stopping,
        previous=digest_of(manifest),
    )
    return Decision("Recording", message, plan.round, (Claim(names.manifest(plan.round), skipped),))
