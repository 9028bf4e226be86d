"""The start-up probe: whether a store keeps the one promise that everything rests on.

Many writers create one object at the same time. Exactly one may win, all readers must see what it wrote, at once and
in listings too, and nobody may create the object again. Stores that take conditional writes and ignore the condition
are refused here rather than found out by two coordinators that both closed a round.
"""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from fedtrain.ledger.store import ObjectMissing, ObjectStore, StoreError

WRITERS = 16
ROUNDS = 3


def probe(store: ObjectStore) -> None:
    """Raises StoreError with the reason when the store's creates aren't atomic. Leaves nothing behind, unless the
    store forbids deleting, which is no reason to refuse it."""
    folder = f"_probe/{uuid.uuid4().hex}"
    try:
        with ThreadPoolExecutor(WRITERS) as pool:
            for round in range(ROUNDS):
                _race(store, pool, f"{folder}/{round}")
    finally:
        with suppress(StoreError):
            store.delete(folder)


def _race(store: ObjectStore, pool: ThreadPoolExecutor, key: str) -> None:
    barrier = threading.Barrier(WRITERS)

    def write(writer: int) -> bool:
        barrier.wait()
        return store.create(key, _content(writer))

    winners = [writer for writer, won in enumerate(pool.map(write, range(WRITERS))) if won]
    if len(winners) != 1:
        raise _refusal(
            store, f"of {WRITERS} writers that created one object at once, {len(winners)} were told they won"
        )
    try:
        found = store.get(key)
    except ObjectMissing:
        raise _refusal(store, "an object that had just been written could not be read") from None
    if found != _content(winners[0]):
        raise _refusal(store, "the object holds what another writer than the winner wrote")
    if store.create(key, b"late") or store.get(key) != found:
        raise _refusal(store, "an object that was there could be created again")
    if key not in store.keys(key):
        raise _refusal(store, "an object that had just been written was not listed")


def _content(writer: int) -> bytes:
    return f"writer {writer}".encode()


def _refusal(store: ObjectStore, reason: str) -> StoreError:
    return StoreError(
        f"{store.url} can't hold a ledger: {reason}. fedtrain needs atomic conditional writes (S3: PUT with "
        "If-None-Match: *, which AWS S3 and MinIO have; a folder: hard links). Update the server, or use another store."
    )
