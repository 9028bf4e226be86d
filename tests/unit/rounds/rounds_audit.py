"""What must hold of every run's ledger at every moment, checked from its objects alone."""

from itertools import pairwise

from rounds_world import World, next_adapter

from fedtrain.contracts import names
from fedtrain.contracts.canonical import digest_of
from fedtrain.contracts.digests import digest_bytes
from fedtrain.contracts.records import Aggregate, Close, Evaluation, Grant, Manifest, Plan
from fedtrain.contracts.untrusted_records import Preflight
from fedtrain.rounds.decision import Claim
from fedtrain.rounds.snapshot import Snapshot


def audit_claim(world: World, snapshot: Snapshot, claim: Claim) -> None:
    """A record that a coordinator has just won, against what it knew then."""
    match claim.record:
        case Close() as close:
            _audit_close(world, snapshot, close)
        case Grant() as grant:
            _audit_grant(world, grant)
        case Plan() as plan:
            _audit_plan(world, plan)
        case _:
            pass


def _audit_close(world: World, snapshot: Snapshot, close: Close) -> None:
    round = snapshot.ledger.current
    assert round.plan is not None
    assert len(close.updates) >= world.spec.minimum
    order = [member.participant for member in round.plan.members]
    listed = [update.participant for update in close.updates]
    assert listed == [who for who in order if who in listed], "in plan order, each once"
    quarantined = {(bad.participant, bad.attempt) for old in round.closes for bad in old.quarantined}
    for closed in close.updates:
        attempts = [n for who, n in round.updates if who == closed.participant and (who, n) not in quarantined]
        assert closed.attempt == min(attempts), "the lowest complete attempt that is not quarantined"
        update = round.updates[closed.participant, closed.attempt]
        assert update.digest == closed.digest
        file = f"{names.update_folder(close.round, closed.participant, closed.attempt)}/{update.file}"
        assert world.ledger.size(file) == update.size, "its file is there, whole"
    everyone = [*listed, *(absent.participant for absent in close.absent)]
    assert sorted(everyone) == sorted(p.name for p in world.spec.participants), "in or absent, with a reason"
    assert all(absent.reason for absent in close.absent)


def _audit_grant(world: World, grant: Grant) -> None:
    earlier = [world.ledger.read(names.grant(grant.round, grant.who, n), Grant) for n in range(2, grant.attempt + 1)]
    assert None not in earlier, "attempts have consecutive numbers"
    failed = [g for g in earlier if g is not None and g.epoch == grant.epoch and g.cause == "Failed"]
    assert len(failed) <= world.spec.rounds.retries


def _audit_plan(world: World, plan: Plan) -> None:
    named = [m.participant for m in plan.members] + [a.participant for a in plan.absent]
    assert sorted(named) == sorted(p.name for p in world.spec.participants)
    before = world.ledger.read(names.plan(plan.round - 1), Plan)
    for member in plan.members:
        assert member.start == (before.positions[member.participant] if before else 0), "windows follow each other"
        assert plan.positions[member.participant] == member.start + member.samples
        assert world.ledger.read(names.preflight(member.participant), Preflight) is not None


def audit_chain(world: World) -> None:
    """Manifests are chained; what a round committed follows from what its close lists, and from nothing else."""
    manifests = world.manifests()
    if not manifests:
        return
    assert manifests[0].previous == digest_of(world.run)
    for before, manifest in pairwise(manifests):
        assert manifest.previous == world.ledger.digest(names.manifest(before.round)) == digest_of(before)
        assert manifest.round == before.round + 1
        assert manifest.plan == world.ledger.digest(names.plan(manifest.round))
        if manifest.outcome in ("Skipped", "RolledBack"):
            kept = (before.adapter, before.state, before.step)
            assert (manifest.adapter, manifest.state, manifest.step) == kept
        else:
            _audit_committed(world, before, manifest)


def _audit_committed(world: World, before: Manifest, manifest: Manifest) -> None:
    assert manifest.k is not None
    close = world.ledger.read(names.close(manifest.round, manifest.k), Close)
    aggregate = world.ledger.read(names.aggregate(manifest.round, manifest.k), Aggregate)
    plan = world.ledger.read(names.plan(manifest.round), Plan)
    assert close is not None
    assert aggregate is not None
    assert plan is not None
    assert (manifest.close, manifest.aggregate) == (digest_of(close), digest_of(aggregate))
    assert manifest.step == before.step + 1
    assert len(close.updates) >= world.spec.minimum
    assert manifest.adapter == aggregate.adapter == next_adapter(before.adapter, close)
    members = {member.participant: member for member in plan.members}
    for update in close.updates:
        member = members[update.participant]
        made = f"{member.participant}:{before.adapter}:{member.start}+{member.samples}:{member.seed}"
        assert update.digest == digest_bytes(made.encode()), "the update does not depend on its attempt"
    if world.spec.evaluation.hub is not None:
        evaluation = world.ledger.read(names.evaluation(manifest.round, manifest.k), Evaluation)
        assert evaluation is not None
        assert (evaluation.adapter, digest_of(evaluation)) == (manifest.adapter, manifest.evaluation)
