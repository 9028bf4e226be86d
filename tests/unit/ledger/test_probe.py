"""The probe passes real stores and refuses those whose creates are not atomic, with the reason."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fedtrain.api.storage import S3
from fedtrain.ledger.file_store import FileStore
from fedtrain.ledger.probe import probe
from fedtrain.ledger.s3_store import S3Store
from fedtrain.ledger.store import ObjectMissing, ObjectStore, StoreError


def test_a_sound_store_passes_and_is_left_empty(store: ObjectStore):
    probe(store, pause=0)
    assert list(store.keys("")) == []


def test_a_bucket_is_probed_over_two_connections(bucket: S3):
    first, second = S3Store(bucket), S3Store(bucket)
    probe(first, second, pause=0)
    assert list(second.keys("")) == []


class AtomicPerNode(FileStore):
    """A server of two nodes, each of which checks the condition for the writes that it has seen."""

    def __init__(self, folder: Path, node: str) -> None:
        super().__init__(folder)
        self._seen = FileStore(folder.parent / node)

    def create(self, key: str, content: bytes | Path) -> bool:
        if not self._seen.create(key, content):
            return False
        self.replace(key, content)
        return True


def test_a_server_that_is_atomic_per_node_is_refused(tmp_path: Path):
    nodes = [AtomicPerNode(tmp_path / "data", name) for name in ("one", "two")]
    probe(nodes[0], pause=0)
    with pytest.raises(StoreError, match="2 were told that they won"):
        probe(*nodes, pause=0)


class ForgetsLater(FileStore):
    """A server whose condition holds only for a moment."""

    paused = False

    def create(self, key: str, content: bytes | Path) -> bool:
        if self.paused:
            self.replace(key, content)
            return True
        return super().create(key, content)


def test_a_server_that_forgets_after_a_pause_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    store = ForgetsLater(tmp_path)
    probe(store, pause=0)
    monkeypatch.setattr("fedtrain.ledger.probe.time.sleep", lambda _: setattr(store, "paused", True))
    with pytest.raises(StoreError, match=r"created again 0\.3 s later"):
        probe(store)


class LastWriterWins(FileStore):
    """What a server does that takes If-None-Match and ignores it."""

    def create(self, key: str, content: bytes | Path) -> bool:
        self.replace(key, content)
        return True


class NobodyWins(FileStore):
    def create(self, key: str, content: bytes | Path) -> bool:
        super().create(key, content)
        return False


class StaleListing(FileStore):
    def keys(self, prefix: str) -> Iterator[str]:
        return iter(())


class ReadsLate(FileStore):
    def get(self, key: str, most: int | None = None) -> bytes:
        raise ObjectMissing(key)


class KeepsALosersBytes(FileStore):
    def create(self, key: str, content: bytes | Path) -> bool:
        won = super().create(key, content)
        self.replace(key, b"a loser's")
        return won


class ForgetsThatItIsThere(FileStore):
    def create(self, key: str, content: bytes | Path) -> bool:
        if content == b"late":
            self.replace(key, content)
            return True
        return super().create(key, content)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (LastWriterWins, "16 were told that they won"),
        (NobodyWins, "0 were told that they won"),
        (StaleListing, "was not listed"),
        (ReadsLate, "could not be read"),
        (KeepsALosersBytes, "content of another writer than the winner"),
        (ForgetsThatItIsThere, "could be created again"),
    ],
)
def test_a_store_that_breaks_a_promise_is_refused(kind: type[FileStore], reason: str, tmp_path: Path):
    store = kind(tmp_path)
    with pytest.raises(StoreError, match=rf"cannot hold a ledger: .*{reason}.*If-None-Match"):
        probe(store, pause=0)
    assert list(FileStore(tmp_path).keys("")) == []


class NeverDeletes(FileStore):
    def delete(self, prefix: str) -> None:
        raise StoreError("deleting is forbidden here")


def test_a_store_that_forbids_deleting_is_accepted(tmp_path: Path):
    probe(NeverDeletes(tmp_path), pause=0)
