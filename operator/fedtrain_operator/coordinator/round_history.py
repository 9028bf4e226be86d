"""The ended rounds of the ledger, as the status lists them."""

from collections.abc import Mapping, Sequence

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts import names
from fedtrain.contracts.gate_state import explained
from fedtrain.contracts.headline_metric import headline, hub_measures
from fedtrain.contracts.records import Absent, Close, Evaluation, Manifest, Plan
from fedtrain.ledger.ledger import Ledger
from fedtrain.manifests.conditions import shortened
from fedtrain.manifests.kinds import Json
from fedtrain.rounds.row_shares import percent, row_shares
from fedtrain.rounds.snapshot import LedgerFacts

ROUNDS = 5
_LEFT_OUT = 16
_LONGEST_REASON = 256
_LONGEST_LEFT_OUT = 512
"""A refusal and its fix."""


def last_rounds(
    spec: FederatedTrainingSpec, ledger: Ledger, facts: LedgerFacts, known: Sequence[Json] = ()
) -> list[Json]:
    """The newest rounds, the newest last. `known`: entries that were made before; an ended round does not change.
    Raises StoreError."""
    if facts.manifest is None:
        return []
    entries = {one["round"]: one for one in known}
    first = max(0, facts.manifest.round - ROUNDS + 1)
    return [entries.get(round) or _round(spec, ledger, round) for round in range(first, facts.manifest.round + 1)]


def _round(spec: FederatedTrainingSpec, ledger: Ledger, round: int) -> Json:
    manifest = ledger.read(names.manifest(round), Manifest)
    assert manifest is not None, round
    k = manifest.k or 0
    evaluation = ledger.read(names.evaluation(round, k), Evaluation) if manifest.evaluation else None
    plan = ledger.read(names.plan(round), Plan) if manifest.plan else None
    close = ledger.read(names.close(round, k), Close) if manifest.close else None
    quarantined = (one.absent for one in close.quarantined) if close else ()
    left_out = {one.participant: one for one in (*manifest.absent, *quarantined)}
    delivered = len(close.updates) if close else 0
    entry: Json = {
        "round": round,
        "outcome": manifest.outcome,
        "participants": f"{delivered}/{len(plan.members)}" if plan else "0/0",
    }
    if why := explained(spec, manifest.gate):
        entry["reason"] = shortened(why, _LONGEST_REASON)
    elif evaluation is not None and (text := metric(spec, evaluation.metrics)):
        entry["metric"] = text
    if left_out:
        shares = row_shares({one.participant: one for one in plan.preflights}) if plan else {}
        entry["leftOut"] = [_left_out(left_out[who], shares) for who in sorted(left_out)[:_LEFT_OUT]]
    return entry


def _left_out(absent: Absent, shares: Mapping[str, float]) -> Json:
    who = absent.participant
    entry: Json = {"participant": who, "reason": shortened(absent.reason, _LONGEST_LEFT_OUT)}
    entry |= {"code": absent.code} if absent.code is not None else {}
    return entry | ({"rowShare": percent(shares[who])} if who in shares else {})


def metric(spec: FederatedTrainingSpec, measured: Mapping[str, float]) -> str | None:
    """The headline metric: `loss 2.311`, `accuracy 81.2%`."""
    first = headline(tuple(measure for measure in hub_measures(spec) if measure.name in measured))
    return None if first is None else f"{first.name} {first.text(measured[first.name])}"
