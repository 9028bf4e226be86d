"""A small run's whole history, written record by record as the parts write it."""

from pathlib import Path

from fedtrain.contracts import names
from fedtrain.contracts.canonical import digest_of
from fedtrain.contracts.records import (
    Aggregate,
    Close,
    Closed,
    Digest,
    End,
    Evaluation,
    Failure,
    Grant,
    Initial,
    Manifest,
    Measurement,
    ModelFacts,
    Plan,
    PlanMember,
    Preflight,
    Quarantined,
    Run,
    Update,
    Weight,
)
from fedtrain.ledger.ledger import Ledger

RUN_ID = "0123456789abcdef"
WHO = ("anna", "berta", "carla")


def write_history(ledger: Ledger, scratch: Path) -> None:
    """Round 1 committed, with an attempt of carla's granted and berta quarantined; round 2 skipped; round 3
    committed."""
    run = Run(run_id=RUN_ID, namespace="default", name="demo", spec={"rounds": {"count": 3}})
    ledger.claim(names.RUN, run)
    for who in WHO:
        fingerprint = ledger.put_blob(who.encode())
        ledger.claim(
            names.preflight(who),
            Preflight(run_id=RUN_ID, participant=who, samples=90, validation_samples=10, fingerprint=fingerprint),
        )
    adapter, config = ledger.put_blob(b"adapter 0" * 100), ledger.put_blob(b"{}")
    facts = ModelFacts(base_parameters=9, adapter_parameters=2, hidden_size=4, layers=1, vocabulary=8)
    ledger.claim(names.initial(), Initial(run_id=RUN_ID, adapter=adapter, config=config, facts=facts))
    evaluation = _evaluate(ledger, 0, 0, adapter)
    manifest = Manifest(
        run_id=RUN_ID,
        round=0,
        outcome="Initial",
        step=0,
        adapter=adapter,
        config=config,
        evaluation=evaluation,
        previous=digest_of(run),
    )
    ledger.claim(names.manifest(0), manifest)
    manifest = _committed(ledger, manifest, scratch)
    manifest = _skipped(ledger, manifest)
    manifest = _committed(ledger, manifest, scratch)
    for who in WHO:
        measurement = Measurement(
            run_id=RUN_ID, round=3, participant=who, adapter=manifest.adapter, metrics={"loss": 1.5}
        )
        ledger.claim(names.measurement(3, who), measurement)
    end = End(run_id=RUN_ID, outcome="Succeeded", round=3, adapter=manifest.adapter, manifest=digest_of(manifest))
    ledger.claim(names.END, end)
    ledger.put_telemetry("rounds/0001/runner.json", b"{}")


def _plan(ledger: Ledger, before: Manifest) -> Plan:
    members = tuple(PlanMember(participant=who, start=0, samples=10, distinct=10, seed=1) for who in WHO)
    return ledger.claim(
        names.plan(before.round + 1),
        Plan(
            run_id=RUN_ID,
            round=before.round + 1,
            previous=digest_of(before),
            members=members,
            progress_start=0.0,
            progress_end=1 / 3,
        ),
    )


def _evaluate(ledger: Ledger, round: int, k: int, adapter: Digest) -> Digest:
    record = Evaluation(run_id=RUN_ID, round=round, k=k, adapter=adapter, samples=5, metrics={"loss": 2.25})
    return digest_of(ledger.claim(names.evaluation(round, k), record))


def _update(ledger: Ledger, scratch: Path, round: int, who: str, attempt: int) -> Closed:
    path = scratch / "update"
    path.write_bytes(f"{round} {who}".encode() * 50)
    digest, size = ledger.put_file(f"{names.update_folder(round, who, attempt)}/0a1b.safetensors", path)
    update = Update(
        run_id=RUN_ID,
        round=round,
        participant=who,
        attempt=attempt,
        file="0a1b.safetensors",
        digest=digest,
        size=size,
        samples=10,
        distinct=10,
        steps=2,
        tokens=100,
        train_loss=1.25,
    )
    ledger.claim(names.update(round, who, attempt), update)
    return Closed(participant=who, attempt=attempt, digest=digest, record=digest_of(update))


def _committed(ledger: Ledger, before: Manifest, scratch: Path) -> Manifest:
    round = before.round + 1
    plan = _plan(ledger, before)
    grant = Grant(run_id=RUN_ID, round=round, who="carla", attempt=2, epoch=1, cause="Failed", reason="out of memory")
    ledger.claim(names.grant(round, "carla", 2), grant)
    updates = tuple(_update(ledger, scratch, round, who, 2 if who == "carla" else 1) for who in WHO)
    ledger.claim(names.close(round, 1), Close(run_id=RUN_ID, round=round, k=1, epoch=1, updates=updates))
    close = Close(
        run_id=RUN_ID,
        round=round,
        k=2,
        epoch=1,
        updates=(updates[0], updates[2]),
        quarantined=(Quarantined(participant="berta", attempt=1, reason="not finite"),),
    )
    ledger.claim(names.close(round, 2), close)
    adapter, state = ledger.put_blob(f"adapter {round}".encode()), ledger.put_blob(f"state {round}".encode())
    weights = tuple(Weight(participant=update.participant, weight=0.5, norm=1.0) for update in close.updates)
    aggregate = Aggregate(
        run_id=RUN_ID, round=round, k=2, adapter=adapter, state=state, weights=weights, update_norm=1.0
    )
    ledger.claim(names.aggregate(round, 2), aggregate)
    manifest = Manifest(
        run_id=RUN_ID,
        round=round,
        outcome="Committed",
        k=2,
        step=before.step + 1,
        adapter=adapter,
        config=before.config,
        state=state,
        plan=digest_of(plan),
        close=digest_of(close),
        aggregate=digest_of(aggregate),
        evaluation=_evaluate(ledger, round, 2, adapter),
        previous=digest_of(before),
    )
    return ledger.claim(names.manifest(round), manifest)


def _skipped(ledger: Ledger, before: Manifest) -> Manifest:
    round = before.round + 1
    plan = _plan(ledger, before)
    ledger.claim(
        names.failure(1), Failure(run_id=RUN_ID, number=1, round=round, reason="BelowMinimum", message="too few")
    )
    manifest = before.model_copy(
        update={
            "round": round,
            "outcome": "Skipped",
            "k": None,
            "plan": digest_of(plan),
            "close": None,
            "aggregate": None,
            "evaluation": None,
            "previous": digest_of(before),
        }
    )
    return ledger.claim(names.manifest(round), manifest)
