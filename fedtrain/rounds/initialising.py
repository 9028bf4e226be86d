"""Round 0: count and fingerprint each participant's data, make the first adapter, measure it, record it."""

from fedtrain.contracts import names
from fedtrain.contracts.canonical import digest_of
from fedtrain.contracts.records import Manifest
from fedtrain.rounds import orders
from fedtrain.rounds.decision import Claim, Decision
from fedtrain.rounds.early_stopping import early_stopping_state
from fedtrain.rounds.evaluating import evaluate
from fedtrain.rounds.gate_rollback import gate_state
from fedtrain.rounds.preflight import inspect, preflight_settled, too_few
from fedtrain.rounds.privacy_state import initial_state
from fedtrain.rounds.snapshot import Snapshot
from fedtrain.rounds.stage import Work, because, fail, reasons_of


def initialise(snapshot: Snapshot, now: float) -> Decision:
    spec, ledger = snapshot.spec, snapshot.ledger
    work = Work(snapshot, now)
    inspect(work)
    if lack := too_few(work):
        return fail(snapshot, "PreflightFailed", lack)
    settled = preflight_settled(work)
    lost = because(work.given_up | (reasons_of(work.untasked.values()) if settled else {}))
    if ledger.initial is None:
        failed = work.hub_job("Initialise", "_initialise", lambda key: orders.initialise_task(spec, ledger.run, key))
        if failed:
            return fail(snapshot, "InitialiseFailed", failed)
        return work.decision("Initialising", f"without {lost}" if lost else "")
    evaluated = evaluate(work, 0, ledger.initial.adapter, ledger.initial.config)
    if isinstance(evaluated, Decision):
        return evaluated
    if not settled:
        return work.decision("Preflight", f"counting the participants' data{f', without {lost}' if lost else ''}")
    manifest = Manifest(
        run_id=ledger.run.run_id,
        round=0,
        outcome="Initial",
        k=None,
        step=0,
        adapter=ledger.initial.adapter,
        config=ledger.initial.config,
        state=None,
        evaluation=evaluated.digest,
        privacy=initial_state(snapshot),
        gate=gate_state(snapshot, 0),
        early_stopping=early_stopping_state(snapshot, 0),
        previous=digest_of(ledger.run),
    )
    work.actions.append(Claim(names.manifest(0), manifest))
    return work.decision("Recording")
