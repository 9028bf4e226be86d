"""Objects that are written into a run's ledger without its rules."""

import re

from rounds_world import World

from fedtrain.contracts import names
from fedtrain.contracts.untrusted_records import Update


def put(world: World, name: str, content: bytes) -> None:
    assert world.store.create(f"default/demo/{name}", content)


def forge(world: World, update: Update) -> None:
    """The record, and a file of the size that it names."""
    folder = names.update_folder(update.round, update.participant, update.attempt)
    put(world, f"{folder}/{update.file}", b"x" * update.size)
    world.ledger.claim(names.update(update.round, update.participant, update.attempt), update)


def assert_matches(pattern: str, text: str) -> None:
    assert re.search(pattern, text), text
