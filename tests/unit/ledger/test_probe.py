"""The probe passes real stores, and refuses those that break a promise, with the reason."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fedtrain.ledger.file_store import FileStore
from fedtrain.ledger.probe import probe
from fedtrain.ledger.store import ObjectMissing, ObjectStore, StoreError


def test_a_sound_store_passes_and_is_left_empty(store: ObjectStore):
    probe(store)
    assert list(store.keys("")) == []


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
        (LastWriterWins, "16 were told they won"),
        (NobodyWins, "0 were told they won"),
        (StaleListing, "was not listed"),
        (ReadsLate, "could not be read"),
        (KeepsALosersBytes, "another writer than the winner"),
        (ForgetsThatItIsThere, "could be created again"),
    ],
)
def test_a_store_that_breaks_a_promise_is_refused(kind: type[FileStore], reason: str, tmp_path: Path):
    store = kind(tmp_path)
    with pytest.raises(StoreError, match=rf"can't hold a ledger: .*{reason}.*If-None-Match"):
        probe(store)
    assert list(FileStore(tmp_path).keys("")) == []


class NeverDeletes(FileStore):
    def delete(self, prefix: str) -> None:
        raise StoreError("deleting is forbidden here")


def test_a_store_that_forbids_deleting_is_no_worse(tmp_path: Path):
    probe(NeverDeletes(tmp_path))
