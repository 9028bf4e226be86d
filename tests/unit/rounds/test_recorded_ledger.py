"""The records of an undisturbed run keep their canonical bytes: equal digests before and after a change of the code.

`recorded_ledger.json` was written by the code of 2026-11-28. The run's id and the bytes that its tasks write are fixed,
so the digests are the same on every machine.
"""

import json
from pathlib import Path

from rounds_coordinator import Coordinator
from rounds_world import World, a_spec

RECORDED = Path(__file__).with_name("recorded_ledger.json")


def test_an_undisturbed_run_writes_the_recorded_digests():
    world = World(a_spec(3, rounds=2, minimum=2, retries=1, hub=True, measured=True))
    assert Coordinator(world).drive().phase == "Succeeded"
    ledger = world.open()
    assert {name: ledger.digest(name) for name in ledger.names()} == json.loads(RECORDED.read_text())
