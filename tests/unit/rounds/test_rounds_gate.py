"""`evaluation.gate`: rounds that are rolled back, and runs that end because of it."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rounds_audit import audit_chain
from rounds_coordinator import Coordinator
from rounds_private import check_account, draws, private, spent
from rounds_world import World, a_spec

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.cli.spent_privacy import kept_spending
from fedtrain.contracts import names
from fedtrain.contracts.gate_state import GateState, judge
from fedtrain.contracts.records import Aggregate, Evaluation, Manifest
from fedtrain.contracts.run_end import End, Failure
from fedtrain.ledger.finding import Finding
from fedtrain.ledger.verify_chain import Chain
from fedtrain.ledger.verify_records import read_records
from fedtrain.results.locate import Located
from fedtrain.results.report.content import content
from fedtrain.results.report.telemetry import ReportTelemetry
from fedtrain.results.status import rounds_table
from fedtrain.results.summary import summarise


def gated(losses: dict[int, float], rounds: int = 4, stateful: bool = True, **fields: Any) -> World:
    privacy = fields.pop("privacy", None)
    gate = {"maxRegression": 0.1, **fields}
    return World(a_spec(2, rounds=rounds, hub=True, gate=gate, privacy=privacy), losses=losses, stateful=stateful)


def of_shares(max_regression: float) -> FederatedTrainingSpec:
    """The gate's metric is a share of right answers."""
    spec = a_spec(2, hub=True, gate={"maxRegression": max_regression}).model_dump(mode="json", by_alias=True)
    spec["data"]["format"] = "PromptCompletion"
    spec["evaluation"]["hub"]["metrics"] = [{"name": "loss", "type": "Choices"}]
    return FederatedTrainingSpec.model_validate(spec)


def outcomes(world: World) -> list[str]:
    return [manifest.outcome for manifest in world.manifests()]


def findings(world: World) -> list[Finding]:
    found: list[Finding] = []
    ledger = world.open()
    Chain(read_records(ledger, ledger.names(), found), found).check()
    return found


def test_a_worse_adapter_is_rolled_back_with_the_servers_state_and_the_run_continues() -> None:
    world = gated({0: 3.0, 1: 2.0, 2: 2.2, 3: 1.9, 4: 1.95})
    assert Coordinator(world).drive().phase == "Succeeded"
    assert outcomes(world) == ["Initial", "Committed", "RolledBack", "Committed", "Committed"]
    manifests = world.manifests()
    one, two, three = manifests[1:4]
    assert (two.adapter, two.state, two.step) == (one.adapter, one.state, 1)
    rejected = world.ledger.read(names.aggregate(2, 1), Aggregate)
    assert rejected is not None
    assert rejected.adapter != two.adapter
    assert two.aggregate == world.ledger.digest(names.aggregate(2, 1)), "what was rejected stays in the chain"
    assert three.step == 2
    assert [m.gate for m in manifests] == [
        GateState(best=3.0),
        GateState(best=2.0),
        GateState(best=2.0, consecutive=1, rejected=2.2),
        GateState(best=1.9),
        GateState(best=1.9),
    ]
    audit_chain(world)
    assert findings(world) == []


def test_small_steps_down_cannot_add_up() -> None:
    """Each value is compared with the best so far, not with the previous one."""
    world = gated({0: 1.0, 1: 1.08, 2: 1.16, 3: 1.05, 4: 0.9})
    Coordinator(world).drive()
    assert outcomes(world) == ["Initial", "Committed", "RolledBack", "Committed", "Committed"]


@pytest.mark.parametrize(("best", "value"), [(0.04, 0.03), (0.58, 0.57), (1.0, 0.99)])
def test_a_loss_of_exactly_the_limit_is_accepted(best: float, value: float) -> None:
    """Also where the difference of the two numbers is more than the limit, in floating point."""
    spec = of_shares(0.01)
    accepted = judge(spec, GateState(best=best), {"loss": value})
    assert accepted == GateState(best=best)
    rejected = judge(spec, GateState(best=best), {"loss": value - 1 / 1_000_000})
    assert rejected is not None
    assert rejected.rejected is not None


def test_shares_are_better_when_they_are_higher() -> None:
    choices = of_shares(0.02)
    before = GateState(best=0.5, consecutive=1)
    assert judge(choices, before, {"loss": 0.6}) == GateState(best=0.6)
    assert judge(choices, before, {"loss": 0.49}) == GateState(best=0.5)
    assert judge(choices, before, {"loss": 0.4}) == GateState(best=0.5, consecutive=2, rejected=0.4)


@pytest.mark.parametrize(
    ("fields", "ended"), [({"maxConsecutive": 2}, 3), ({"onRegression": "Halt", "maxConsecutive": 2}, 2)]
)
def test_too_many_in_a_row_halt_the_run_with_the_last_accepted_adapter(fields: dict[str, Any], ended: int) -> None:
    world = gated({1: 0.8, 2: 1.0, 3: 1.0, 4: 1.0}, rounds=6, **fields)
    decision = Coordinator(world).drive()
    assert decision.phase == "Halted"
    assert "rolled back by evaluation.gate: loss 1.000 is worse than the best so far, 0.800" in decision.message
    end = world.ledger.read(names.END, End)
    assert end is not None
    assert (end.round, end.adapter) == (ended, world.manifests()[1].adapter)
    assert findings(world) == []


def test_a_run_without_an_accepted_adapter_fails() -> None:
    world = gated(dict.fromkeys(range(1, 5), 2.0), maxConsecutive=2)
    decision = Coordinator(world).drive()
    assert decision.phase == "Failed"
    assert "2 rounds in a row were rolled back" in decision.message
    failure = world.ledger.read(names.failure(1), Failure)
    assert failure is not None
    assert failure.reason == "Regressed"


def test_a_run_without_a_gate_writes_the_same_records_as_before() -> None:
    world = World(a_spec(2, hub=True))
    Coordinator(world).drive()
    assert b'"gate"' not in b"".join(world.store.objects[key] for key in world.store.keys("default/demo/rounds"))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from([0.5, 1.0, 1.05, 2.0]), min_size=4, max_size=4), st.integers(1, 30))
def test_a_killed_coordinator_decides_the_same(values: list[float], killed: int) -> None:
    losses = dict(enumerate(values, 1))
    smooth, rough = gated(losses), gated(losses)
    end = Coordinator(smooth).drive().phase
    coordinator = Coordinator(rough)
    for _ in range(killed):
        if coordinator.step().phase in ("Succeeded", "Halted", "Failed"):
            break
    coordinator.crash()
    assert Coordinator(rough).drive().phase == end
    assert rough.manifests() == smooth.manifests()
    audit_chain(rough)
    assert findings(rough) == []


def test_a_rollback_refunds_no_epsilon_and_restores_the_clipping_norm() -> None:
    world = gated({1: 0.9, 2: 2.0, 3: 0.8}, rounds=3, stateful=False, privacy=private())
    Coordinator(world).drive()
    assert outcomes(world) == ["Initial", "Committed", "RolledBack", "Committed"]
    assert [sum(spent(m).values()) for m in world.manifests()] == [0, 1, 2, 3]
    assert len(draws(world)) == 3
    kept = kept_spending(Located(world.open()))
    assert "stays spent on the participants' data" in kept, "nor does a deletion"
    loss = summarise(world.open()).privacy
    assert loss is not None
    assert kept.startswith(f"epsilon {loss.spent} at delta ")
    assert [m.privacy and m.privacy.bound for m in world.manifests()] == [0.5, 1.0, 1.0, 2.0]
    check_account(world)
    assert findings(world) == []


def tampered(change: Callable[[Manifest], Manifest]) -> list[Finding]:
    from fedtrain.contracts.canonical import canonical

    world = gated({0: 3.0, 1: 2.0, 2: 2.2}, rounds=2)
    Coordinator(world).until("Succeeded")
    name = names.manifest(2)
    manifest = world.open().read(name, Manifest)
    assert manifest is not None
    world.store.replace(f"default/demo/{name}", canonical(change(manifest)))
    return [finding for finding in findings(world) if finding.name == name]


def test_verification_recomputes_what_the_gate_decided() -> None:
    world = gated({1: 2.0}, rounds=1)
    Coordinator(world).drive()
    evaluation = world.ledger.read(names.evaluation(1, 1), Evaluation)
    assert evaluation is not None
    committed = tampered(lambda m: m.model_copy(update={"outcome": "Committed", "step": m.step + 1}))
    assert any("outcome" in finding.problem for finding in committed)
    cheaper = GateState(best=2.2)
    assert any("state of the gate" in f.problem for f in tampered(lambda m: m.model_copy(update={"gate": cheaper})))


def test_status_and_report_say_why_a_round_was_rolled_back() -> None:
    world = gated({0: 3.0, 1: 2.0, 2: 2.2, 3: 1.9, 4: 1.8})
    Coordinator(world).drive()
    summary = summarise(world.open())
    assert [row[1] for row in rounds_table(summary).rows] == [
        "Initial",
        "Committed",
        "RolledBack",
        "Committed",
        "Committed",
    ]
    assert summary.rounds[2].metrics == {}, "its adapter is that of round 1"
    (incident,) = content(summary, None, ReportTelemetry())["incidents"].rows
    assert incident[:3] == ("2", "–", "RolledBack")
    assert "loss 2.200 is worse than the best so far, 2.000" in incident[3]
