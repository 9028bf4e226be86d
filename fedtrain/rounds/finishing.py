"""After the last round, or when the privacy budget, the gate or early stopping allows no other: each participant
measures the final adapter (bounded, never fatal), then the run ends."""

from dataclasses import dataclass, replace
from typing import Literal

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts import names
from fedtrain.contracts.canonical import digest_of
from fedtrain.contracts.records import Manifest
from fedtrain.contracts.run_end import End
from fedtrain.plurals import several
from fedtrain.rounds import orders
from fedtrain.rounds.decision import Claim, Decision
from fedtrain.rounds.lost_participants_message import lost_participants_message
from fedtrain.rounds.snapshot import Snapshot
from fedtrain.rounds.stage import Work, fail
from fedtrain.rounds.time_left import time_left

NOTHING_COMMITTED = "NothingCommitted"
"""Reason of the failure of a run without a committed round."""


@dataclass(frozen=True)
class EarlyEnd:
    """Why a run ends before its last round. `failure`: reason of the failure if no round is committed by then."""

    message: str
    outcome: Literal["Succeeded", "Halted"] = "Halted"
    failure: str = NOTHING_COMMITTED


def finish(snapshot: Snapshot, now: float, manifest: Manifest, early: EarlyEnd | None = None) -> Decision:
    spec, ledger = snapshot.spec, snapshot.ledger
    if manifest.step == 0 and early is not None:
        return fail(snapshot, early.failure, f"{early.message}; no round is committed, so start a run of another name")
    if manifest.step == 0:
        return fail(
            snapshot,
            NOTHING_COMMITTED,
            f"none of {several(spec.rounds.count, 'round')} {_uncommitted(spec)}; the adapter is still the "
            "initial one. Every round is recorded, so start a run of another name",
        )
    work = Work(snapshot, now)
    if spec.evaluation.participants is not None and time_left(snapshot) > 0:
        for who in (p.name for p in spec.participants):
            preflight = ledger.preflights.get(who)
            if preflight is None or preflight.validation_samples == 0:
                continue
            if who in ledger.measurements or who in ledger.measurement_faults:
                continue
            work.pursue(
                "Measure",
                who,
                lambda key, preflight=preflight: orders.measure_task(
                    spec, ledger.run, key, preflight, manifest, ledger.base_fingerprint
                ),
            )
        if work.actions or work.keep or work.waits:
            measuring = work.decision("Measuring", "the participants measure the result", until=[time_left(snapshot)])
            return replace(measuring, round=manifest.round)  # there is no round after the last one
    end = End(
        run_id=ledger.run.run_id,
        outcome=early.outcome if early else "Succeeded",
        message=_message(snapshot, manifest, early.message if early else None),
        round=manifest.round,
        adapter=manifest.adapter,
        manifest=digest_of(manifest),
    )
    return Decision("Recording", round=manifest.round, actions=(Claim(names.END, end),))


def _uncommitted(spec: FederatedTrainingSpec) -> str:
    if spec.evaluation.gate is None:
        return "had enough valid updates"
    return "had enough valid updates and an adapter that evaluation.gate accepts"


def _message(snapshot: Snapshot, manifest: Manifest, early: str | None) -> str | None:
    """Why the run ends early, and who is missing from its last round; None for a run of all rounds and participants."""
    missing = lost_participants_message(manifest.absent, manifest.round, snapshot.ledger.preflights)
    return "; ".join(text for text in (early, missing) if text) or None
