"""Ledgers made by hand, record by record, as a run would have left them."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from safetensors.numpy import save

from fedtrain.contracts import names
from fedtrain.contracts.base_fingerprint import BaseFingerprint
from fedtrain.contracts.digests import digest_bytes
from fedtrain.contracts.gate_state import GateState
from fedtrain.contracts.record_fields import Digest
from fedtrain.contracts.records import (
    Absent,
    Aggregate,
    Close,
    Closed,
    Evaluation,
    Grant,
    Initial,
    Manifest,
    ModelFacts,
    Plan,
    PlanMember,
    Quarantined,
    Run,
    Weight,
)
from fedtrain.contracts.run_end import End, Failure
from fedtrain.contracts.untrusted_records import Measurement, Preflight, Update
from fedtrain.ledger.ledger import Ledger, digest_of
from fedtrain.runner.presence import Coordinating
from tests.support.telemetry_by_hand import put_runner_telemetry

RUN_ID = "0123456789abcdef0123456789abcdef"
WHO = ("museum", "observatory", "zoo")
SPEC: dict[str, Any] = {
    "model": {"base": "./base", "adapter": {"rank": 2, "alpha": 4.0}},
    "data": {"dataset": "glosses", "format": "PromptCompletion"},
    "participants": [{"name": who} for who in WHO],
    "rounds": {"count": 3, "minParticipants": 2},
    "training": {"length": {"type": "Steps", "steps": 25}},
    "evaluation": {
        "hub": {
            "data": {"uri": "./test.jsonl"},
            "metrics": [{"name": "loss", "type": "Loss"}, {"name": "accuracy", "type": "Choices"}],
        },
        "participants": {"metrics": [{"name": "accuracy", "type": "Choices"}]},
    },
}
GATED: dict[str, Any] = {
    **SPEC,
    "evaluation": {**SPEC["evaluation"], "gate": {"metric": "accuracy", "maxRegression": 0.02}},
}
"""The same with a gate."""
HUB = (0.126, 0.412, 0.555, 0.671)
"""Accuracy at the hub after each round."""


def adapter_bytes(round: int) -> bytes:
    generator = np.random.default_rng(round)
    shape = {"lora_A": (2, 8), "lora_B": (8, 2)}
    prefix = "base_model.model.model.layers.0.self_attn.q_proj"
    tensors = {f"{prefix}.{name}.weight": generator.standard_normal(shape[name], np.float32) for name in shape}
    return save(tensors)


@dataclass
class Hand:
    """Writes a run's records. Every method adds what a run writes at that point."""

    ledger: Ledger
    spec: dict[str, Any] = field(default_factory=lambda: SPEC)
    adapter: Callable[[int], bytes] = adapter_bytes
    config: bytes = json.dumps({"peft_type": "LORA", "r": 2, "base_model_name_or_path": "./base"}).encode()
    base_fingerprint: BaseFingerprint | None = None
    """What round 0 records of the base model."""
    held_out: Digest | None = None
    """Digest of the hub's held-out rows, as evaluations record it."""
    stateful: bool = False
    """Whether the aggregator keeps a state."""
    accuracies: tuple[float, ...] = HUB
    """Accuracy at the hub after each round."""
    previous: Manifest | None = None
    step: int = 0
    log: str = ""
    """Lines of the trainers."""

    def create(self, name: str, content: bytes) -> None:
        """Write any object, also one that is not a record."""
        self.ledger.store.create(f"default/{self.ledger.name}/{name}", content)

    def attend(self, process: Coordinating) -> None:
        """Write the record that `process` works on the run."""
        self.ledger.put_telemetry(f"coordinators/{process.id}.json", json.dumps(asdict(process)).encode())

    @property
    def _preflights(self) -> tuple[Preflight, ...]:
        return tuple(
            Preflight(
                run_id=RUN_ID,
                participant=participant["name"],
                samples=1000 + 100 * number,
                validation_samples=100,
                fingerprint=digest_bytes(participant["name"].encode()),
            )
            for number, participant in enumerate(self.spec["participants"])
        )

    def begin(self, evaluated: bool = True) -> Manifest:
        run = self.ledger.claim(
            names.RUN, Run(run_id=RUN_ID, namespace="default", name=self.ledger.name, spec=self.spec)
        )
        for preflight in self._preflights:
            self.ledger.claim(names.preflight(preflight.participant), preflight)
        facts = ModelFacts(base_parameters=1_190_000, adapter_parameters=32, hidden_size=8, layers=1, vocabulary=32)
        adapter, config = self.ledger.put_blob(self.adapter(0)), self.ledger.put_blob(self.config)
        fingerprint = self.base_fingerprint
        initial = Initial(run_id=RUN_ID, adapter=adapter, config=config, facts=facts, base_fingerprint=fingerprint)
        self.ledger.claim(names.initial(), initial)
        evaluation = self.evaluation(0, 0, adapter) if evaluated else None
        self.previous = self.ledger.claim(
            names.manifest(0),
            Manifest(
                run_id=RUN_ID,
                round=0,
                outcome="Initial",
                k=None,
                step=0,
                adapter=adapter,
                config=config,
                state=None,
                evaluation=digest_of(evaluation) if evaluation else None,
                previous=digest_of(run),
            ),
        )
        return self.previous

    def plan(self, round: int, members: tuple[str, ...] = WHO, absent: tuple[Absent, ...] = ()) -> Plan:
        assert self.previous is not None
        return self.ledger.claim(
            names.plan(round),
            Plan(
                run_id=RUN_ID,
                round=round,
                previous=digest_of(self.previous),
                members=tuple(
                    PlanMember(participant=who, start=(round - 1) * 800, samples=800, distinct=800, seed=17)
                    for who in members
                ),
                absent=absent,
                preflights=self._preflights,
                progress_start=(round - 1) / 3,
                progress_end=round / 3,
            ),
        )

    def update(self, round: int, who: str, attempt: int = 1) -> Update:
        content = self.adapter(100 * round + WHO.index(who)) if who in WHO else self.adapter(round)
        folder = names.update_folder(round, who, attempt)
        file = names.update_file(self.ledger.digest(names.plan(round)), f"{attempt}a")
        self.create(f"{folder}/{file}", content)
        if round > 0:
            phases = {
                "loading": 0.25,
                "measuring": 1.0,
                "training": 6.0 + len(who) / 10,
                "uploading": 0.125,
                "total": 9.0,
            }
            telemetry = {
                "seconds": phases,
                "answerTokensPerSecond": 2100.0,
                "peakMemory": 512_000_000,
                "host": "node-1",
                "curve": [4.0 - step / 20 for step in range(25)],
                "endedAt": 1_795_600_000.0 + 100 * round - len(who),
                "code": 0,
                "reason": "",
            }
            path = f"rounds/{round:04d}/{who}-{attempt}"
            self.ledger.put_telemetry(f"{path}/trainer.json", json.dumps(telemetry).encode())
            begins = (
                f"2026-11-25 10:0{round}:00,000 fedtrain.trainer default/{self.ledger.name} round {round} {who} Train"
            )
            self.log += f"{begins} attempt {attempt}: begins\n{who} trains in round {round}\n"
            self.log += f"{begins} attempt {attempt}: done in 9.0 s \nof no task\n"
            self.ledger.put_telemetry("workers/worker-0.log", self.log.encode())
        return self.ledger.claim(
            names.update(round, who, attempt),
            Update(
                run_id=RUN_ID,
                round=round,
                participant=who,
                attempt=attempt,
                file=file,
                digest=digest_bytes(content),
                size=len(content),
                samples=800,
                distinct=800,
                steps=25,
                tokens=20_000,
                train_loss=3.0 / round + len(who) / 100,
                validation_loss=3.1 / round + len(who) / 100,
                received={"accuracy": HUB[round - 1] + len(who) / 100},
            ),
        )

    def grant(self, round: int, who: str, attempt: int, reason: str, epoch: int = 1, cause: str = "Failed") -> Grant:
        grant = Grant(
            run_id=RUN_ID,
            round=round,
            who=who,
            attempt=attempt,
            epoch=epoch,
            cause="Resumed" if cause == "Resumed" else "Failed",
            reason=reason,
        )
        return self.ledger.claim(names.grant(round, who, attempt), grant)

    def close(
        self,
        round: int,
        updates: tuple[Update, ...],
        k: int = 1,
        absent: tuple[Absent, ...] = (),
        quarantined: tuple[Quarantined, ...] = (),
        exclusions: dict[str, Digest] | None = None,
    ) -> Close:
        listed = tuple(
            Closed(participant=u.participant, attempt=u.attempt, digest=u.digest, record=digest_of(u)) for u in updates
        )
        close = Close(
            run_id=RUN_ID,
            round=round,
            k=k,
            epoch=1,
            updates=listed,
            absent=absent,
            quarantined=quarantined,
            exclusions=exclusions,
        )
        return self.ledger.claim(names.close(round, k), close)

    def aggregate(self, close: Close) -> Aggregate:
        share = 1 / len(close.updates)
        return self.ledger.claim(
            names.aggregate(close.round, close.k),
            Aggregate(
                run_id=RUN_ID,
                round=close.round,
                k=close.k,
                adapter=self.ledger.put_blob(self.adapter(close.round)),
                state=self.ledger.put_blob(f"state {close.round}".encode()) if self.stateful else None,
                weights=tuple(Weight(participant=u.participant, weight=share, norm=1.5) for u in close.updates),
                update_norm=1.25,
            ),
        )

    def evaluation(self, round: int, k: int, adapter: Digest, accuracy: float | None = None) -> Evaluation:
        accuracy = self.accuracies[min(round, len(self.accuracies) - 1)] if accuracy is None else accuracy
        metrics = {"loss": 3.0 - 2 * accuracy, "accuracy": accuracy}
        evaluation = Evaluation(
            run_id=RUN_ID, round=round, k=k, adapter=adapter, samples=720, rows=self.held_out, metrics=metrics
        )
        return self.ledger.claim(names.evaluation(round, k), evaluation)

    def record(self, plan: Plan, close: Close | None, outcome: str = "Committed") -> Manifest:
        assert self.previous is not None
        committed = outcome == "Committed"
        aggregate = self.aggregate(close) if close and committed else None
        evaluation = self.evaluation(plan.round, aggregate.k, aggregate.adapter) if aggregate else None
        self.step += committed
        self.previous = self.ledger.claim(
            names.manifest(plan.round),
            Manifest(
                run_id=RUN_ID,
                round=plan.round,
                outcome="Committed" if committed else "Skipped",
                k=close.k if close else None,
                step=self.step,
                adapter=aggregate.adapter if aggregate else self.previous.adapter,
                config=self.previous.config,
                state=aggregate.state if aggregate else self.previous.state,
                plan=digest_of(plan),
                close=digest_of(close) if close else None,
                aggregate=digest_of(aggregate) if aggregate else None,
                evaluation=digest_of(evaluation) if evaluation else None,
                absent=close.absent if close else plan.absent,
                previous=digest_of(self.previous),
            ),
        )
        put_runner_telemetry(self.ledger, plan)
        return self.previous

    def roll_back(self, round: int, accuracy: float, best: float) -> Manifest:
        """A whole round whose adapter `evaluation.gate` rejects."""
        assert self.previous is not None
        plan = self.plan(round)
        close = self.close(round, tuple(self.update(round, who) for who in WHO))
        aggregate = self.aggregate(close)
        evaluation = self.evaluation(round, close.k, aggregate.adapter, accuracy)
        self.previous = self.ledger.claim(
            names.manifest(round),
            self.previous.model_copy(
                update={
                    "round": round,
                    "outcome": "RolledBack",
                    "k": close.k,
                    "plan": digest_of(plan),
                    "close": digest_of(close),
                    "aggregate": digest_of(aggregate),
                    "evaluation": digest_of(evaluation),
                    "gate": GateState(best=best, consecutive=1, rejected=accuracy),
                    "previous": digest_of(self.previous),
                }
            ),
        )
        put_runner_telemetry(self.ledger, plan)
        return self.previous

    def whole_round(self, round: int) -> Manifest:
        plan = self.plan(round)
        return self.record(plan, self.close(round, tuple(self.update(round, who) for who in WHO)))

    def fail(self, round: int, reason: str = "BelowMinimum", message: str = "too few") -> Failure:
        number = len(self.ledger.names("failures/")) + 1
        failure = Failure(run_id=RUN_ID, number=number, round=round, reason=reason, message=message)
        return self.ledger.claim(names.failure(number), failure)

    def end(self) -> End:
        assert self.previous is not None
        last = self.previous
        for who in WHO:
            measurement = Measurement(
                run_id=RUN_ID,
                round=last.round,
                participant=who,
                adapter=last.adapter,
                metrics={"accuracy": HUB[last.step] + len(who) / 100},
            )
            self.ledger.claim(names.measurement(last.round, who), measurement)
        end = End(run_id=RUN_ID, outcome="Succeeded", round=last.round, adapter=last.adapter, manifest=digest_of(last))
        return self.ledger.claim(names.END, end)
