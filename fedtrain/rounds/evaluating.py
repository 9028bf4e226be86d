"""Evaluation on the hub's held-out data: bounded retries, and the round is not recorded without it."""

from dataclasses import dataclass

from fedtrain.contracts.canonical import digest_of
from fedtrain.contracts.record_fields import Digest
from fedtrain.rounds import orders
from fedtrain.rounds.decision import Decision
from fedtrain.rounds.stage import Work, fail


@dataclass(frozen=True)
class Evaluated:
    """The evaluation's digest; None where none is due."""

    digest: Digest | None


def evaluate(work: Work, k: int, adapter: Digest, config: Digest) -> Evaluated | Decision:
    """Every `evaluation.every` rounds, and always for the base and the last round."""
    spec, ledger = work.snapshot.spec, work.snapshot.ledger
    round = ledger.current.round
    due = round % spec.evaluation.every == 0 or round == spec.rounds.count
    if spec.evaluation.hub is None or not due:
        return Evaluated(None)
    if k in ledger.current.evaluations:
        return Evaluated(digest_of(ledger.current.evaluations[k]))
    who = f"_evaluate-{k}"
    failed = work.hub_job(
        "Evaluate",
        who,
        lambda key: orders.evaluate_task(spec, ledger.run, key, k, adapter, config, ledger.base_fingerprint),
    )
    if failed:
        return fail(work.snapshot, "EvaluationFailed", f"round {round} can't be evaluated: {failed}")
    return work.decision("Evaluating")
