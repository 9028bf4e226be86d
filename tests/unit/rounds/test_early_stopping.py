"""`rounds.earlyStopping`: runs that end because the adapter no longer improves at the hub."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rounds_audit import audit_chain
from rounds_coordinator import Coordinator
from rounds_world import World, a_spec

from fedtrain.contracts import names
from fedtrain.contracts.canonical import canonical
from fedtrain.contracts.early_stopping_state import EarlyStoppingState, judge
from fedtrain.contracts.records import Manifest
from fedtrain.contracts.run_end import End, Failure
from fedtrain.ledger.finding import Finding
from fedtrain.ledger.verify_chain import Chain
from fedtrain.ledger.verify_records import read_records
from fedtrain.results.model_card import model_card
from fedtrain.results.report.page import report
from fedtrain.results.status import first_lines
from fedtrain.results.summary import summarise
from fedtrain.rounds.decision import TERMINAL


def stopping(losses: dict[int, float], patience: int = 2, rounds: int = 6, every: int = 1, **fields: float) -> World:
    gate = {"maxRegression": 0.1, **fields} if fields else None
    spec = a_spec(2, rounds=rounds, hub=True, patience=patience, every=every, gate=gate)
    return World(spec, losses=losses)


def findings(world: World) -> list[Finding]:
    found: list[Finding] = []
    ledger = world.open()
    Chain(read_records(ledger, ledger.names(), found), found).check()
    return found


def states(world: World) -> list[EarlyStoppingState | None]:
    return [manifest.early_stopping for manifest in world.manifests()]


def test_a_run_ends_after_as_many_evaluations_without_a_new_best_value() -> None:
    world = stopping({0: 3.0, 1: 2.0, 2: 2.1, 3: 1.9, 4: 1.9, 5: 1.95, 6: 1.0})
    decision = Coordinator(world).drive()
    assert (decision.phase, decision.round) == ("Succeeded", 5)
    assert decision.message == (
        "stopped early after round 5 of 6 by rounds.earlyStopping: loss is not better than the 1.900 of round 3 in "
        "2 evaluations since"
    )
    assert states(world) == [
        EarlyStoppingState(best=3.0, round=0),
        EarlyStoppingState(best=2.0, round=1),
        EarlyStoppingState(best=2.0, round=1, evaluations=1),
        EarlyStoppingState(best=1.9, round=3),
        EarlyStoppingState(best=1.9, round=3, evaluations=1),
        EarlyStoppingState(best=1.9, round=3, evaluations=2),
    ]
    end = world.ledger.read(names.END, End)
    assert end is not None
    assert (end.outcome, end.round, end.adapter) == ("Succeeded", 5, world.manifests()[5].adapter)
    audit_chain(world)
    assert findings(world) == []


def test_rounds_that_are_not_evaluated_do_not_count() -> None:
    world = stopping({0: 3.0, 2: 2.0, 4: 2.0, 6: 2.0}, rounds=8, every=2)
    assert Coordinator(world).drive().round == 6


def test_a_run_without_patience_left_in_its_last_round_ends_as_any_other() -> None:
    world = stopping({0: 1.0, 1: 0.5, 2: 0.6, 3: 0.6}, rounds=3)
    decision = Coordinator(world).drive()
    assert (decision.phase, decision.message) == ("Succeeded", "")
    assert summarise(world.open()).early_end == ""


def test_a_round_that_is_rolled_back_never_counts_as_an_improvement() -> None:
    """The gate may reject an adapter by another metric."""
    before = EarlyStoppingState(best=1.0, round=3)
    spec = a_spec(2, hub=True, patience=2)
    assert judge(spec, before, 4, {"loss": 0.5}) == EarlyStoppingState(best=0.5, round=4)
    assert judge(spec, before, 4, {"loss": 0.5}, rolled_back=True) == EarlyStoppingState(
        best=1.0, round=3, evaluations=1
    )
    assert judge(spec, before, 4, None) == before
    assert judge(a_spec(2, hub=True), None, 4, {"loss": 0.5}) is None


def test_rounds_that_are_rolled_back_use_up_patience() -> None:
    world = stopping({0: 1.0, 1: 0.5, 2: 0.9, 3: 0.9}, maxConsecutive=5)
    assert Coordinator(world).drive().round == 3
    assert [m.outcome for m in world.manifests()][2:] == ["RolledBack", "RolledBack"]
    audit_chain(world)
    assert findings(world) == []


def test_a_run_without_a_committed_round_fails() -> None:
    world = stopping(dict.fromkeys(range(1, 7), 2.0), maxConsecutive=5)
    decision = Coordinator(world).drive()
    assert decision.phase == "Failed"
    assert "not better than the 1.000 of the base model" in decision.message
    failure = world.ledger.read(names.failure(1), Failure)
    assert failure is not None
    assert failure.reason == "NothingCommitted"


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from([0.5, 1.0, 2.0]), min_size=6, max_size=6), st.integers(1, 40))
def test_a_coordinator_that_is_killed_ends_at_the_same_round(values: list[float], killed: int) -> None:
    losses = dict(enumerate(values, 1))
    smooth, rough = stopping(losses), stopping(losses)
    end = Coordinator(smooth).drive()
    coordinator = Coordinator(rough)
    for _ in range(killed):
        if coordinator.step().phase in TERMINAL:
            break
    coordinator.crash()
    last = Coordinator(rough).drive()
    assert (last.phase, last.round) == (end.phase, end.round)
    assert rough.manifests() == smooth.manifests()
    assert findings(rough) == []


def tampered(change: Callable[[EarlyStoppingState], EarlyStoppingState]) -> list[str]:
    world = stopping({0: 3.0, 1: 2.0, 2: 2.2}, rounds=2)
    Coordinator(world).until("Succeeded")
    name = names.manifest(2)
    manifest = world.open().read(name, Manifest)
    assert manifest is not None
    assert manifest.early_stopping is not None
    changed = manifest.model_copy(update={"early_stopping": change(manifest.early_stopping)})
    world.store.replace(f"default/demo/{name}", canonical(changed))
    return [finding.problem for finding in findings(world) if finding.name == name]


@pytest.mark.parametrize("update", [{"evaluations": 0}, {"best": 2.2}, {"round": 2}])
def test_verification_recomputes_the_state(update: dict[str, float]) -> None:
    assert "has another state of early stopping than the metrics give" in tampered(
        lambda state: state.model_copy(update=update)
    )


def test_status_report_and_card_say_why_the_run_ended() -> None:
    world = stopping({0: 3.0, 1: 2.0, 2: 2.1, 3: 2.2})
    Coordinator(world).drive()
    summary = summarise(world.open())
    why = "stopped early after round 3 of 6 by rounds.earlyStopping: loss is not better than the 2.000 of round 1"
    assert any(why in line for line in first_lines(summary))
    assert why in report(summary, None)
    assert why in model_card(summary, summary.rounds[3], "adapter")
