"""Records that the first writer decides, blobs by content, and bytes that are equal when records are."""

import math
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from blake3 import blake3

from fedtrain.contracts import names
from fedtrain.contracts.canonical import canonical, digest_of
from fedtrain.contracts.digests import digest_bytes, digest_file
from fedtrain.contracts.records import Evaluation, Grant, Run
from fedtrain.contracts.untrusted_records import Preflight
from fedtrain.ledger.file_store import FileStore
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.store import LedgerCorrupt, ObjectMissing, ObjectReader, ObjectStore, StoreError, StoreUnavailable


def grant(reason: str, run_id: str = "r1") -> Grant:
    return Grant(run_id=run_id, round=1, who="anna", attempt=2, epoch=1, cause="Failed", reason=reason)


def test_the_first_claim_stands_and_all_get_it(ledger: Ledger):
    name = names.grant(1, "anna", 2)
    assert ledger.read(name, Grant) is None
    assert ledger.digest(name) is None
    assert ledger.claim(name, grant("first")) == grant("first")
    assert ledger.claim(name, grant("second")) == grant("first")
    other = Ledger(ledger.store, "default", "demo")
    assert other.claim(name, grant("third")) == grant("first")
    assert other.read(name, Grant) == grant("first")
    assert other.digest(name) == ledger.digest(name) == digest_of(grant("first"))


def test_of_many_coordinators_one_decides(ledger: Ledger):
    barrier = threading.Barrier(6)

    def claim(number: int) -> Grant:
        coordinator = Ledger(ledger.store, "default", "demo")
        barrier.wait()
        return coordinator.claim(names.grant(1, "anna", 2), grant(f"coordinator {number}"))

    with ThreadPoolExecutor(6) as pool:
        assert len({found.reason for found in pool.map(claim, range(6))}) == 1


def test_a_claim_over_another_runs_record_is_refused(ledger: Ledger):
    ledger.claim(names.grant(1, "anna", 2), grant("x", run_id="r1"))
    with pytest.raises(LedgerCorrupt, match=r"anna-2\.json belongs to run r1, not to r2"):
        Ledger(ledger.store, "default", "demo").claim(names.grant(1, "anna", 2), grant("x", run_id="r2"))


@pytest.mark.parametrize("content", [b"", b"{", b'{"runId":"r1"}', b"\xff", b'{"runId":"r1","surprise":1}'])
def test_a_record_that_does_not_parse_is_named(ledger: Ledger, content: bytes):
    ledger.store.create("default/demo/end.json", content)
    with pytest.raises(LedgerCorrupt, match=r"default/demo/end\.json is damaged \("):
        ledger.read(names.END, Evaluation)


def test_runs_of_other_names_are_not_seen(store: ObjectStore):
    Ledger(store, "default", "demo").claim(names.grant(1, "anna", 2), grant("x"))
    Ledger(store, "default", "demo").put_blob(b"content")
    assert Ledger(store, "default", "demo-2").names() == []
    assert Ledger(store, "other", "demo").names() == []
    assert Ledger(store, "default", "demo").names("rounds/") == [names.grant(1, "anna", 2)]


def test_blobs_are_stored_once_under_their_digest(ledger: Ledger, tmp_path: Path):
    file = tmp_path / "content"
    file.write_bytes(b"content")
    digest = ledger.put_blob(b"content")
    assert digest == ledger.put_blob(file) == f"blake3:{blake3(b'content').hexdigest()}"
    assert ledger.names("blobs/") == [names.blob(digest)]
    with closing(ledger.open_blob(digest)) as reader:
        assert bytes(reader.read(3, 4)) == b"tent"
    ledger.fetch_blob(digest, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"content"
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["content", "copy"]


def test_a_blob_of_another_size_under_the_same_name_is_reported(ledger: Ledger):
    ledger.store.create(f"default/demo/{names.blob(digest_bytes(b'content'))}", b"cont")
    with pytest.raises(LedgerCorrupt, match="has 4 bytes instead of 7"):
        ledger.put_blob(b"content")


def test_a_missing_blob_leaves_no_file(ledger: Ledger, tmp_path: Path):
    with pytest.raises(ObjectMissing):
        ledger.fetch_blob(digest_bytes(b"nothing"), tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_blobs_file_holds_its_content(ledger: Ledger, tmp_path: Path):
    digest = ledger.put_blob(b"content")
    assert ledger.blob_file(digest, tmp_path).read_bytes() == b"content"
    with pytest.raises(ObjectMissing):
        ledger.blob_file(digest_bytes(b"nothing"), tmp_path)


def test_the_file_of_a_damaged_blob_is_refused(ledger: Ledger, tmp_path: Path):
    digest = digest_bytes(b"content")
    ledger.store.create(f"default/demo/{names.blob(digest)}", b"contend")
    with pytest.raises(LedgerCorrupt, match="is damaged"):
        ledger.blob_file(digest, tmp_path)


class NoSpace(FileStore):
    """A store that can't write telemetry."""

    def replace(self, key: str, content: bytes | Path) -> None:
        raise StoreError("no space")


def test_telemetry_never_fails_its_writer(tmp_path: Path):
    ledger = Ledger(NoSpace(tmp_path), "default", "demo")
    ledger.put_telemetry("rounds/0001/anna-1/trainer.json", b"{}")
    assert ledger.names() == []


class Unreachable(FileStore):
    def get(self, key: str, most: int | None = None) -> bytes:
        raise StoreUnavailable("away")

    def open(self, key: str) -> ObjectReader:
        raise StoreUnavailable("away")

    def keys(self, prefix: str) -> Iterator[str]:
        raise StoreUnavailable("away")


def test_a_store_that_is_away_is_never_taken_for_an_empty_one(tmp_path: Path):
    ledger = Ledger(Unreachable(tmp_path), "default", "demo")
    for act in (lambda: ledger.read(names.RUN, Run), lambda: ledger.digest(names.RUN), ledger.names):
        with pytest.raises(StoreUnavailable):
            act()


def test_what_was_read_once_is_not_asked_for_again(tmp_path: Path):
    ledger = Ledger(FileStore(tmp_path), "default", "demo")
    name = names.grant(1, "anna", 2)
    assert ledger.read(name, Grant) is None
    Ledger(FileStore(tmp_path), "default", "demo").claim(name, grant("late"))
    assert ledger.read(name, Grant) == grant("late"), "that there is none is not remembered"
    (tmp_path / "default" / "demo" / name).unlink()
    assert ledger.read(name, Grant) == grant("late")


def test_canonical_json_is_sorted_compact_and_camel_case_without_what_is_unset():
    record = Evaluation(run_id="é", round=1, k=0, adapter="blake3:" + "0" * 64, samples=2, metrics={"b": 1, "a": 1e-5})
    assert canonical(record).decode() == (
        '{"adapter":"blake3:' + "0" * 64 + '","k":0,"metrics":{"a":1e-05,"b":1.0},"round":1,"runId":"é","samples":2}'
    )
    preflight = Preflight(run_id="r", participant="a", samples=1, validation_samples=0, fingerprint=record.adapter)
    assert b"gpuMemory" not in canonical(preflight)
    run = Run(run_id="r", namespace="n", name="m", spec={"model": {"revision": None}})
    assert b'"spec":{"model":{"revision":null}}' in canonical(run)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_does_not_have_are_refused(ledger: Ledger, value: float):
    with pytest.raises(ValueError, match=r"metrics.loss\n  Input should be a finite number"):
        Evaluation(run_id="r1", round=1, k=0, adapter="blake3:" + "0" * 64, samples=2, metrics={"loss": value})
    finite = Evaluation(run_id="r1", round=1, k=0, adapter="blake3:" + "0" * 64, samples=2, metrics={"loss": 1.0})
    with pytest.raises(ValueError, match=r"Evaluation of run r1 can't be written"):
        ledger.claim(names.evaluation(1, 0), finite.model_copy(update={"metrics": {"loss": value}}))
    with pytest.raises(ValueError, match="can't be written"):
        canonical(Run(run_id="r", namespace="n", name="m", spec={"rate": value}))
    assert ledger.names() == []


def test_a_file_of_any_size_has_the_digest_of_its_bytes(tmp_path: Path):
    for size in (0, 1, 20 * 1024 * 1024 + 3):
        content = b"x" * size
        (tmp_path / "file").write_bytes(content)
        store = FileStore(tmp_path)
        ledger = Ledger(store, "n", f"run{size}")
        store.create(f"n/run{size}/object", content)
        assert digest_file(tmp_path / "file") == digest_bytes(content) == ledger.digest("object")
