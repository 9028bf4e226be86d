"""Whatever a participant writes costs that participant, and neither the round nor the others."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from rounds_coordinator import Coordinator
from rounds_forging import assert_matches, forge, put
from rounds_world import World, a_spec

from fedtrain.contracts import names
from fedtrain.contracts.canonical import canonical_json
from fedtrain.contracts.records import Close, Grant, Plan
from fedtrain.contracts.untrusted_records import Update
from fedtrain.rounds.snapshot import TaskKey

Plain = dict[str, Any]


def encoded(plain: Plain) -> bytes:
    """Canonical, but for NaN and infinity, which canonical JSON lacks."""
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def with_(**fields: object) -> Callable[[Plain], bytes]:
    return lambda plain: encoded({**plain, **fields})


BAD_UPDATES: dict[str, tuple[Callable[[Plain], bytes], str]] = {
    "NaN": (with_(trainLoss=float("nan")), "trainLoss: Input should be a finite number"),
    "infinity": (with_(validationLoss=float("inf")), "validationLoss: Input should be a finite number"),
    "NaN as a metric": (with_(received={"loss": float("nan")}), "received.loss: Input should be a finite number"),
    "200,000 metrics": (with_(received={f"m{n}": 1.0 for n in range(200_000)}), "at most 65536 are read"),
    "1,000 metrics": (with_(received={f"m{n}": 1.0 for n in range(1000)}), "received: .* at most 64 items"),
    "10^9 samples": (with_(samples=10**9, distinct=10**9), "samples: Input should be less than"),
    "10^400 samples": (with_(distinct=10**400), "distinct: Input should be less than"),
    "a loss of 10^400": (with_(trainLoss=10**400), "trainLoss: Input should be a finite number"),
    "negative steps": (with_(steps=-1), "steps: Input should be greater than or equal to 0"),
    "a path": (with_(file="../../a/1/x"), "file: String should match pattern"),
    "an absolute path": (with_(file="/etc/passwd"), "file: String should match pattern"),
    "deep JSON": (lambda _: b'{"received":' + b'{"a":' * 2000 + b"1" + b"}" * 2001, "it is nested too deep"),
    "not UTF-8": (lambda _: b"\xff\xfe\x00", "it is not valid JSON"),
    "half of it": (lambda plain: encoded(plain)[:40], "it is not valid JSON"),
    "a lone surrogate": (lambda plain: json.dumps({**plain, "runId": "\ud800"}).encode(), "not a valid Update record"),
    "not canonical": (lambda plain: json.dumps(plain, indent=2).encode(), "not written as canonical JSON"),
    "more samples than planned": (with_(distinct=1_000_000), "counts 1000000 distinct, but the plan has 4"),
    "fewer samples than planned": (with_(samples=1), "counts 1 samples, but the plan has 4"),
    "another run": (with_(runId="run-2"), "belongs to another run"),
    "another round": (with_(round=2), "holds the record of another object"),
    "another participant": (with_(participant="b"), "holds the record of another object"),
}


@pytest.mark.parametrize("kind", BAD_UPDATES)
def test_a_bad_update_record_is_a_fault_of_its_attempt_and_the_round_continues(kind: str) -> None:
    make, reason = BAD_UPDATES[kind]
    world = World(a_spec(2, rounds=1, minimum=1))
    coordinator = Coordinator(world)
    coordinator.until("Training")
    write_update(world, coordinator, "a", make)
    assert coordinator.drive().phase == "Succeeded"
    close = world.ledger.read(names.close(1, 1), Close)
    assert close is not None
    assert [update.participant for update in close.updates] == ["b"]
    (absent,) = close.absent
    assert absent.participant == "a"
    assert_matches(reason, absent.reason)


def test_a_bad_update_record_costs_one_attempt_while_retries_are_left() -> None:
    world = World(a_spec(2, rounds=1, retries=1))
    coordinator = Coordinator(world)
    coordinator.until("Training")
    write_update(world, coordinator, "a", with_(trainLoss=float("nan")))
    assert coordinator.drive().phase == "Succeeded"
    grant, close = world.ledger.read(names.grant(1, "a", 2), Grant), world.ledger.read(names.close(1, 1), Close)
    assert grant is not None
    assert close is not None
    assert "trainLoss" in grant.reason
    assert [(update.participant, update.attempt) for update in close.updates] == [("a", 2), ("b", 1)]


def test_a_coordinator_that_restarts_after_a_bad_record_decides_the_same() -> None:
    world = World(a_spec(2, rounds=2, minimum=1))
    coordinator = Coordinator(world)
    coordinator.until("Training")
    write_update(world, coordinator, "a", with_(trainLoss=float("nan")))
    coordinator.crash()
    assert coordinator.drive().phase == "Succeeded"


BAD_PREFLIGHTS: dict[str, Callable[[Plain], bytes]] = {
    "NaN": with_(samples=float("nan")),
    "negative": with_(samples=-5),
    "2^53+1": with_(samples=2**53 + 1),
    "10^9": with_(samples=10**9),
    "10^400": with_(samples=10**400),
    "another participant's": with_(participant="b"),
    "another run's": with_(runId="run-2"),
    "half of it": lambda plain: encoded(plain)[:20],
    "70 KB": with_(fingerprint="blake3:" + "0" * 70_000),
}


@pytest.mark.parametrize("kind", BAD_PREFLIGHTS)
def test_a_bad_preflight_leaves_its_participant_out(kind: str) -> None:
    world = World(a_spec(3, rounds=1, minimum=2))
    plain = {
        "runId": "run-1",
        "participant": "a",
        "samples": 20,
        "validationSamples": 2,
        "fingerprint": "blake3:" + "0" * 64,
    }
    put(world, names.preflight("a"), BAD_PREFLIGHTS[kind](plain))
    coordinator = Coordinator(world)
    assert coordinator.drive().phase == "Succeeded"
    plan = world.ledger.read(names.plan(1), Plan)
    assert plan is not None
    assert [member.participant for member in plan.members] == ["b", "c"]
    assert plan.absent[0].participant == "a"
    assert_matches("preflight/a.json does not count: .* Delete this object", plan.absent[0].reason)
    assert not any(key.who == "a" for key in coordinator.executions)


def test_a_participant_whose_bad_preflight_is_deleted_counts_its_data_again() -> None:
    world = World(a_spec(2, rounds=3, minimum=1))
    put(world, names.preflight("a"), b"{")
    coordinator = Coordinator(world)
    coordinator.until("Training")
    world.store.delete(f"default/demo/{names.preflight('a')}")
    assert coordinator.drive().phase == "Succeeded"
    last = world.ledger.read(names.plan(3), Plan)
    assert last is not None
    assert [member.participant for member in last.members] == ["a", "b"]


def test_a_bad_preflight_of_a_stranger_changes_nothing() -> None:
    world = World(a_spec(2, rounds=1))
    put(world, names.preflight("stranger"), encoded({"samples": float("nan")}))
    assert Coordinator(world).drive().phase == "Succeeded"


def test_a_bad_measurement_is_left_out_of_the_result() -> None:
    world = World(a_spec(2, rounds=1, measured=True))
    put(world, names.measurement(1, "a"), b'{"metrics":{"loss":NaN}}')
    assert Coordinator(world).drive().phase == "Succeeded"


@pytest.mark.parametrize("attempt", [1, 2, 3])
def test_an_update_written_before_the_plan_never_counts(attempt: int) -> None:
    """Somebody with the store's keys knows everything but the plan that is not written yet."""
    world = World(a_spec(2, rounds=2, minimum=1, retries=2))
    coordinator = Coordinator(world)
    coordinator.until("Closing")
    honest = world.ledger.read(names.update(1, "a", 1), Update)
    assert honest is not None
    forge(world, honest.model_copy(update={"round": 2, "attempt": attempt}))
    assert coordinator.drive().phase == "Succeeded"
    close = world.ledger.read(names.close(2, 1), Close)
    assert close is not None
    (listed,) = [update for update in close.updates if update.participant == "a"]
    assert listed.attempt != attempt


def test_an_update_of_a_participant_that_the_plan_leaves_out_never_counts() -> None:
    world = World(a_spec(3, rounds=1, minimum=2), {"a": 0})
    coordinator = Coordinator(world)
    coordinator.until("Training")
    coordinator.finish(coordinator.running()[0])
    honest = world.ledger.read(names.update(1, "b", 1), Update)
    assert honest is not None
    forge(world, honest.model_copy(update={"participant": "a"}))
    assert coordinator.drive().phase == "Succeeded"
    close = world.ledger.read(names.close(1, 1), Close)
    assert close is not None
    assert [update.participant for update in close.updates] == ["b", "c"]


def test_an_attempt_that_was_not_granted_never_counts() -> None:
    world = World(a_spec(2, rounds=1, minimum=1))
    coordinator = Coordinator(world)
    coordinator.until("Training")
    coordinator.finish(next(key for key in coordinator.running() if key.who == "b"))
    honest = world.ledger.read(names.update(1, "b", 1), Update)
    assert honest is not None
    forge(world, honest.model_copy(update={"participant": "a", "attempt": 2}))
    coordinator.lose(next(key for key in coordinator.running() if key.who == "a"), retryable=False)
    assert coordinator.drive().phase == "Succeeded"
    close = world.ledger.read(names.close(1, 1), Close)
    assert close is not None
    assert [update.participant for update in close.updates] == ["b"]


def write_update(world: World, coordinator: Coordinator, who: str, make: Callable[[Plain], bytes]) -> None:
    """The participant's task ends with a record that `make` has changed."""
    key: TaskKey = next(key for key in coordinator.running() if (key.kind, key.who) == ("Train", who))
    coordinator.finish(key)
    name = f"default/demo/{names.update(key.round, who, key.attempt)}"
    good = world.store.objects[name]
    plain = json.loads(good)
    assert canonical_json(plain) == good
    world.store.objects[name] = make(plain)
    coordinator.ledger = world.open()
    coordinator.gatherer.ledger = coordinator.ledger
    world.ledger = world.open()
