"""The start-up probe: whether creating an object is atomic, which every decision of a run relies on.

Many writers, over two connections, create one object at the same time. Exactly one may win. All readers must see what
it wrote, at once and in listings, and no writer may create the object again, also not after a pause and over the other
connection: some servers keep the promise on one node or for a moment only.
"""

import threading
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from fedtrain.ledger.store import ObjectMissing, ObjectStore, StoreError

WRITERS = 16
ROUNDS = 3
PAUSE_SECONDS = 0.3


def probe(store: ObjectStore, second: ObjectStore | None = None, pause: float = PAUSE_SECONDS) -> None:
    """Raise StoreError with the reason if the store's creates are not atomic. Leave nothing behind, unless the store
    forbids deleting, which is not a reason to refuse it. `second`: the same store over another connection."""
    folder = f"_probe/{uuid.uuid4().hex}"
    connections = (store, second or store)
    try:
        with ThreadPoolExecutor(WRITERS) as pool:
            found = {key: _race(connections, pool, key) for key in (f"{folder}/{round}" for round in range(ROUNDS))}
        time.sleep(pause)
        for key, content in found.items():
            for connection in connections:
                _check_kept(connection, key, content, f" {pause:g} s later")
    finally:
        with suppress(StoreError):
            store.delete(folder)


def _race(connections: Sequence[ObjectStore], pool: ThreadPoolExecutor, key: str) -> bytes:
    """Return what the winner wrote."""
    barrier = threading.Barrier(WRITERS)

    def write(writer: int) -> bool:
        barrier.wait()
        return connections[writer % len(connections)].create(key, _content(writer))

    winners = [writer for writer, won in enumerate(pool.map(write, range(WRITERS))) if won]
    if len(winners) != 1:
        count = f"of {WRITERS} writers that created one object at the same time, {len(winners)} were told that they won"
        raise _refusal(connections[0], count)
    content = _content(winners[0])
    for connection in connections:
        _check_kept(connection, key, content, "")
        if key not in connection.keys(key):
            raise _refusal(connection, "an object that had just been written was not listed")
    return content


def _check_kept(store: ObjectStore, key: str, content: bytes, when: str) -> None:
    try:
        found = store.get(key)
    except ObjectMissing:
        raise _refusal(store, f"an object that had been written could not be read{when}") from None
    if found != content:
        raise _refusal(store, f"the object has the content of another writer than the winner{when}")
    if store.create(key, b"late") or store.get(key) != content:
        raise _refusal(store, f"an existing object could be created again{when}")


def _content(writer: int) -> bytes:
    return f"writer {writer}".encode()


def _refusal(store: ObjectStore, reason: str) -> StoreError:
    return StoreError(
        f"{store.url} cannot hold a ledger: {reason}. fedtrain needs atomic conditional writes (S3: PUT with "
        "If-None-Match: *; a folder: hard links). Use a server that docs/stores.md lists, in its newest version."
    )
