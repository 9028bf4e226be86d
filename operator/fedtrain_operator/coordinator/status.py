"""The status of a FederatedTraining. Pure."""

from collections.abc import Iterable, Sequence

from fedtrain.manifests.conditions import Condition, merged, shortened
from fedtrain.manifests.kinds import Json
from fedtrain.rounds.clock import RoundClock
from fedtrain.rounds.counted_updates import delivered
from fedtrain.rounds.decision import Decision
from fedtrain.rounds.quorum import BELOW_MINIMUM
from fedtrain.rounds.snapshot import LedgerFacts, Snapshot
from fedtrain.rounds.spent_epsilon import PrivacyLoss, loss_after

RESUME = "fedtrain.dev/resume"
"""Annotation that asks to resume after a failure; removed once the request is noted."""
_RESUMABLE = (BELOW_MINIMUM, "PreflightFailed", "InitialiseFailed", "EvaluationFailed", "AggregationFailed")
"""Reasons of failures whose cause is outside the file."""
KEEP_ELAPSED_EVERY_SECONDS = 60.0


def acknowledged(body: Json, failures: int) -> int:
    """How many of the run's failures the user has asked to resume from: by a new object, a new generation of it, or
    the annotation."""
    status, metadata = body.get("status", {}), body["metadata"]
    before = status.get("acknowledged")
    asked = RESUME in (metadata.get("annotations") or {})
    if before is None or asked or metadata.get("generation", 1) > status.get("observedGeneration", 0):
        return failures
    return before


def blocked(body: Json, message: str, clock: RoundClock, conditions: Iterable[Condition], now: float) -> Json:
    """The status of a training for which nothing can be decided now. Its phase is that of the last decision."""
    before = body.get("status", {})
    kept = {field: before[field] for field in before if field not in ("observedGeneration", "conditions")}
    current: Json = {"phase": before.get("phase", "Pending"), "message": shortened(message)}
    if "elapsed" in before and clock.round == before["elapsed"]["round"]:
        current["elapsed"] = _elapsed(clock)
    return kept | current | _common(body, conditions, now, acknowledged_too=False)


def of(
    body: Json,
    decision: Decision,
    snapshot: Snapshot,
    rounds: Sequence[Json],
    clock: RoundClock,
    conditions: Iterable[Condition],
    now: float,
) -> Json:
    facts = snapshot.ledger
    status: Json = {
        "phase": decision.phase,
        "message": shortened(message := _message(body, decision, facts)),
        "round": decision.round,
        "step": facts.manifest.step if facts.manifest else 0,
        "acknowledged": snapshot.acknowledged,
        "elapsed": _elapsed(clock),
        "lastRounds": list(rounds),
    }
    plan = facts.current.plan
    if plan is not None:
        status["participants"] = f"{len(delivered(facts))}/{len(plan.members)}"
    elif rounds and facts.end is not None:
        status["participants"] = rounds[-1]["participants"]
    measured = [one["metric"] for one in rounds if "metric" in one]
    if measured or "metric" in body.get("status", {}):  # none of the listed rounds may have one
        status["metric"] = measured[-1] if measured else body["status"]["metric"]
    current = facts.current
    loss = loss_after(
        snapshot.spec, facts.manifest, spends=current.spends.values(), plan=current.plan, grants=current.grants
    )
    if loss is not None:
        status["privacy"] = _privacy(loss)
    return status | _common(
        body, [*conditions, *_ended(decision, message, facts), _minimum(decision, message, facts, rounds)], now
    )


def _privacy(loss: PrivacyLoss) -> Json:
    return {
        "epsilon": loss.spent,
        "summary": loss.in_short,
        "delta": loss.delta,
        "unit": loss.unit,
        "relation": loss.relation,
        "trust": loss.trust,
        "accountant": loss.accountant,
        **({"participants": own} if (own := shortened(loss.by_participant)) else {}),
    }


def _elapsed(clock: RoundClock) -> Json:
    return {"round": max(clock.round, 0), "epoch": max(clock.epoch, 1), "seconds": round(clock.seconds, 1)}


def place(status: Json) -> object:
    """The training's place in its run: what counts as progress."""
    return tuple(status.get(field) for field in ("phase", "round", "step", "participants"))


def worth_writing(before: Json, after: Json) -> bool:
    """Whether the status differs in more than a little elapsed time."""
    if {**before, "elapsed": None} != {**after, "elapsed": None}:
        return True
    old, new = before.get("elapsed") or {}, after.get("elapsed") or {}
    return new.get("seconds", 0.0) - old.get("seconds", 0.0) >= KEEP_ELAPSED_EVERY_SECONDS


def _message(body: Json, decision: Decision, facts: LedgerFacts) -> str:
    """The decision's message. That of a failure says how to resume the run, if that can help."""
    if decision.phase != "Failed" or not facts.failures or facts.failures[-1].reason not in _RESUMABLE:
        return decision.message
    metadata = body["metadata"]
    command = f"kubectl annotate federatedtraining {metadata['name']} --namespace {metadata['namespace']} {RESUME}=true"
    return f"{decision.message.rstrip('.')}. Correct this, then resume the run: `{command}`"


def _minimum(decision: Decision, message: str, facts: LedgerFacts, rounds: Sequence[Json]) -> Condition:
    """The condition `MinimumMet`: whether the newest round had enough updates, else who was missing and why."""
    if decision.phase == "Failed" and facts.failures and facts.failures[-1].reason == BELOW_MINIMUM:
        return Condition("MinimumMet", "False", "Failed", message)
    if rounds and rounds[-1]["outcome"] == "Skipped":
        missing = "; ".join(f"{absent['participant']}: {absent['reason']}" for absent in rounds[-1].get("leftOut", ()))
        return Condition("MinimumMet", "False", "Skipped", f"round {rounds[-1]['round']} was skipped: {missing}")
    return Condition("MinimumMet", "True", "Met")


def _ended(decision: Decision, message: str, facts: LedgerFacts) -> list[Condition]:
    match decision.phase:
        case "Succeeded":
            return [Condition("Complete", "True", "Succeeded", decision.message)]
        case "Halted":
            return [Condition("Complete", "True", "Halted", decision.message)]
        case "Failed":
            reason = facts.failures[-1].reason if facts.failures else "Failed"
            return [Condition("Complete", "False", reason, message)]
        case "Suspended":
            return [Condition("Complete", "False", "Suspended")]
        case _:
            return [Condition("Complete", "False", "Running")]


def _common(body: Json, conditions: Iterable[Condition], now: float, acknowledged_too: bool = True) -> Json:
    """Conditions and generation. The generation counts as observed only where failures were counted too: see
    `acknowledged`."""
    metadata, before = body["metadata"], body.get("status", {})
    generation = metadata.get("generation", 1)
    common: Json = {"conditions": merged(before.get("conditions", ()), conditions, generation, now)}
    if acknowledged_too:
        common["observedGeneration"] = generation
    elif "observedGeneration" in before:
        common["observedGeneration"] = before["observedGeneration"]
    return common
