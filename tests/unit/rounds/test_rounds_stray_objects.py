"""Objects that the ledger of a run should not have are ignored and reported, and never end the run."""

import pytest
from rounds_coordinator import Coordinator
from rounds_forging import assert_matches, put
from rounds_world import World, a_spec

from fedtrain.contracts import names
from fedtrain.contracts.records import Close

STRAYS = {
    names.close(1, 1): b"{}",
    names.close(1, 2): b'{"runId":"run-1","round":1,"k":2,"epoch":1,"updates":[]',
    "rounds/0001/close-x.json": b"{}",
    "rounds/0001/close-1.json.bak": b"{}",
    "rounds/0001/aggregate-7.json": b"mine",
    "rounds/0001/evaluation-7.json": b"NaN",
    "rounds/0001/attempts/a-2.json": b"[]",
    "rounds/0001/attempts/odd": b"",
    "rounds/0001/updates/a/x/record.json": b"",
    "failures/0001.json": b"{}",
    "failures/notes.txt": b"",
    "preflight/A B.json": b"{}",
}


@pytest.mark.parametrize("name", STRAYS)
def test_a_stray_object_is_ignored(name: str) -> None:
    world = World(a_spec(2, rounds=1, minimum=1, retries=1))
    put(world, name, STRAYS[name])
    coordinator = Coordinator(world)
    coordinator.until("Training")
    coordinator.lose(next(key for key in coordinator.running() if key.who == "a"))
    assert coordinator.drive().phase == "Succeeded"
    (manifest,) = world.manifests()[1:]
    close = world.ledger.read(names.close(1, manifest.k or 0), Close)
    assert close is not None
    assert [update.participant for update in close.updates] == ["a", "b"]


def test_strays_have_their_reason_and_a_flood_of_them_does_not_stop_the_run() -> None:
    """Whatever the order of their names: a close gets the next number that none of them has."""
    world = World(a_spec(2, rounds=1))
    for name in (
        names.close(1, 1),
        names.grant(1, "a", 2),
        *(f"rounds/0001/aggregate-{10 + n}.json" for n in range(500)),
    ):
        put(world, name, b"{}")
    coordinator = Coordinator(world)
    coordinator.until("Training")
    strays = coordinator.look().ledger.strays
    assert_matches("not a valid Close record: runId is missing", strays[names.close(1, 1)])
    assert coordinator.drive().phase == "Succeeded"
    assert world.manifests()[1].k == 2


def test_a_close_that_lists_a_stranger_is_a_stray() -> None:
    world = World(a_spec(2, rounds=1))
    coordinator = Coordinator(world)
    coordinator.until("Aggregating")
    close = world.ledger.read(names.close(1, 1), Close)
    assert close is not None
    stranger = close.updates[0].model_copy(update={"participant": "stranger"})
    put_record = close.model_copy(update={"k": 2, "updates": (*close.updates, stranger)})
    world.ledger.claim(names.close(1, 2), put_record)
    assert names.close(1, 2) in coordinator.look().ledger.strays
    assert coordinator.drive().phase == "Succeeded"
    assert world.manifests()[1].k == 1


def test_a_failure_number_that_a_stray_has_is_skipped() -> None:
    world = World(a_spec(2, rounds=1))
    put(world, names.failure(1), b"mine")
    coordinator = Coordinator(world)
    coordinator.until("Training")
    coordinator.lose(coordinator.running()[0], retryable=False)
    assert coordinator.drive().phase == "Failed"
    assert world.ledger.size(names.failure(2)) is not None
    coordinator.go_on()
    assert coordinator.drive().phase == "Succeeded"


@pytest.mark.parametrize("multiplier", [0, -1])
def test_a_draw_without_a_positive_multiplier_is_a_stray_that_counts_as_none(multiplier: float) -> None:
    privacy = {
        "unit": "Participant",
        "budget": {"epsilon": 8, "delta": 1e-5},
        "noise": {"type": "Multiplier", "multiplier": 1.0},
        "clipping": {"type": "Fixed", "norm": 1.0},
    }
    world = World(a_spec(2, rounds=1, privacy=privacy))
    coordinator = Coordinator(world)
    coordinator.until("Training")
    spend = f'{{"k":1,"multiplier":{multiplier}.0,"round":1,"runId":"run-1"}}'
    put(world, names.spend(1, 1), spend.encode())
    assert coordinator.look().ledger.current.spends == {}
    assert "multiplier: Input should be greater than 0" in coordinator.look().ledger.strays[names.spend(1, 1)]
