"""Dry run: simulate a run with `decide`, with all participants answering at once, and list the tasks that it starts.

Values that are known only during a run are placeholders: each digest is `DIGEST`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts import names
from fedtrain.contracts.base_fingerprint import BaseFingerprint
from fedtrain.contracts.noise_records import Spend
from fedtrain.contracts.record import Record
from fedtrain.contracts.records import Aggregate, Close, Evaluation, Initial, Manifest, ModelFacts, Plan, Run
from fedtrain.contracts.run_end import End
from fedtrain.contracts.tasks import Evaluate
from fedtrain.contracts.untrusted_records import Measurement, Preflight, Update
from fedtrain.rounds.decide import decide
from fedtrain.rounds.decision import TERMINAL, AggregateOrder, Claim, Start
from fedtrain.rounds.snapshot import LedgerFacts, RoundRecords, Snapshot

DIGEST = "blake3:" + 64 * "0"
"""Digest of objects that do not exist yet."""
RUN_ID = 32 * "0"
"""ID of a run that has not begun."""


class Ends(Exception):
    """The run would end before this round. The message has the reason."""


@dataclass(frozen=True)
class DryRun:
    """`counted`: preflight of each participant. `facts`: sizes of the base model."""

    spec: FederatedTrainingSpec
    run: Run
    counted: Mapping[str, Preflight]
    facts: ModelFacts

    def orders(self, last: int) -> Iterator[Start]:
        """Return the tasks that are started up to the end of round `last`, in order. Raises Ends."""
        ledger = LedgerFacts(self.run)
        while ledger.round <= last and ledger.end is None:
            decision = decide(Snapshot(self.spec, ledger, executions={}, elapsed=0.0), 0.0)
            if decision.phase in TERMINAL:
                raise Ends(f"in round {decision.round} the run would fail: {decision.message}")
            for action in decision.actions:
                if isinstance(action, Claim):
                    ledger = _claimed(ledger, action.record)
                elif isinstance(action, Start):
                    yield action
                    ledger = self._answered(ledger, action)

    def _answered(self, ledger: LedgerFacts, start: Start) -> LedgerFacts:
        """Return the ledger with the record that the task writes."""
        who, current, run_id = start.key.who, ledger.current, self.run.run_id
        if isinstance(start.order, AggregateOrder):
            k = start.order.k
            done = Aggregate(run_id=run_id, round=current.round, k=k, adapter=DIGEST, weights=(), update_norm=0.0)
            if current.plan is not None and (planned := current.plan.privacy) is not None:
                drawn = Spend(run_id=run_id, round=current.round, k=k, multiplier=planned.multiplier)
                current = replace(current, spends={**current.spends, k: drawn})
            return replace(ledger, current=replace(current, aggregates={**current.aggregates, k: done}))
        if isinstance(work := start.order.work, Evaluate):
            found = Evaluation(run_id=run_id, round=current.round, k=work.k, adapter=DIGEST, samples=0, metrics={})
            return replace(ledger, current=replace(current, evaluations={**current.evaluations, work.k: found}))
        match work.type:
            case "Inspect":
                return replace(ledger, preflights={**ledger.preflights, who: self.counted[who]})
            case "Initialise":
                pinned = self.spec.model.revision is not None  # then round 0 records no fingerprint
                base = None if pinned else BaseFingerprint(settings=DIGEST, tokenizer=DIGEST, weights=DIGEST)
                made = Initial(run_id=run_id, adapter=DIGEST, config=DIGEST, facts=self.facts, base_fingerprint=base)
                return replace(ledger, initial=made)
            case "Measure":
                found = Measurement(run_id=run_id, round=current.round, participant=who, adapter=DIGEST, metrics={})
                return replace(ledger, measurements={**ledger.measurements, who: found})
            case "Train":
                update = Update(
                    run_id=run_id,
                    round=current.round,
                    participant=who,
                    attempt=start.key.attempt,
                    file=names.update_file(work.plan, "dry-run"),
                    digest=DIGEST,
                    size=0,
                    samples=work.samples,
                    distinct=work.distinct,
                    steps=0,
                    tokens=0,
                    train_loss=0.0,
                )
                updates = {**current.updates, (who, start.key.attempt): update}
                return replace(ledger, current=replace(current, updates=updates))


def _claimed(ledger: LedgerFacts, record: Record) -> LedgerFacts:
    """Return the ledger with a record that a decision claims."""
    current = ledger.current
    match record:
        case Plan():
            return replace(ledger, current=replace(current, plan=record))
        case Close():
            return replace(ledger, current=replace(current, closes=(*current.closes, record)))
        case Manifest():
            following = RoundRecords(record.round + 1)
            return replace(ledger, manifest=record, last_plan=current.plan or ledger.last_plan, current=following)
        case Spend():
            return replace(ledger, current=replace(current, spends={**current.spends, record.k: record}))
        case End():
            return replace(ledger, end=record)
        case _:  # a failure record, after which the run ends
            raise Ends(f"in round {current.round} the run would fail: {getattr(record, 'message', record)}")
