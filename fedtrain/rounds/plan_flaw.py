"""Check of the current plan. Anyone with the store's keys can write one ahead of the coordinator."""

from collections.abc import Iterable

from fedtrain.contracts.canonical import digest_of
from fedtrain.contracts.records import Manifest, Plan
from fedtrain.rounds.snapshot import Snapshot


def plan_flaw(snapshot: Snapshot, manifest: Manifest, plan: Plan) -> str | None:
    """Return why `plan` is not the coordinator's plan of the round after `manifest`; None if nothing is wrong. Nobody
    knows the digest of `manifest` before it is written, so no plan can be made before."""
    if plan.previous != digest_of(manifest):
        return "it does not follow the manifest of the previous round"
    members = [member.participant for member in plan.members]
    if len(set(members)) < len(members):
        return "it lists a member twice"
    known = {participant.name for participant in snapshot.spec.participants}
    if stranger := _first({*members, *plan.positions} - known):
        return f"it lists {stranger}, which is not a participant of the run"
    if uncounted := _first(set(members) - {preflight.participant for preflight in plan.preflights}):
        return f"it has no preflight of its member {uncounted}"
    return None


def _first(names: Iterable[str]) -> str | None:
    return min(names, default=None)
