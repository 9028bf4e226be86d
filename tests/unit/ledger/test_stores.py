"""What every store promises, asked of a folder and of a bucket."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from fedtrain.ledger.store import ObjectMissing, ObjectStore, ObjectTooLarge, StoreError

MIB = 1024 * 1024


def test_an_object_reads_as_it_was_written(store: ObjectStore, tmp_path: Path):
    file = tmp_path / "content"
    file.write_bytes(b"from a file")
    assert store.create("a/b.json", b"bytes")
    assert store.create("a/c", file)
    assert store.create("a/empty", b"")
    assert (store.get("a/b.json"), store.get("a/c"), store.get("a/empty")) == (b"bytes", b"from a file", b"")
    assert (store.size("a/b.json"), store.size("a/empty")) == (5, 0)


def test_the_second_writer_loses_and_changes_nothing(store: ObjectStore):
    assert store.create("key", b"first") is True
    assert store.create("key", b"second") is False
    assert store.create("key", b"first") is False
    assert store.get("key") == b"first"


def test_a_missing_object_is_missing_everywhere(store: ObjectStore):
    store.create("a/b", b"x")
    assert store.size("none") is None
    assert store.size("a/b/c") is None
    assert store.size("a") is None
    for key in ("none", "a", "a/b/c"):
        with pytest.raises(ObjectMissing, match=key):
            store.get(key)
        with pytest.raises(ObjectMissing, match=key):
            store.open(key)


def test_of_many_threads_one_wins_and_all_read_what_it_wrote(store: ObjectStore):
    barrier = threading.Barrier(8)

    def write(writer: int) -> bool:
        barrier.wait()
        return store.create("race", f"writer {writer}".encode() * 100)

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(write, range(8)))
    assert won.count(True) == 1
    assert store.get("race") == f"writer {won.index(True)}".encode() * 100


def test_ranges_are_read_and_no_more_than_there_is(store: ObjectStore):
    content = bytes(range(256)) * 64
    store.create("data", content)
    with closing(store.open("data")) as reader:
        assert reader.size == len(content)
        assert bytes(reader.read(300, 20)) == content[300:320]
        assert bytes(reader.read(0, reader.size)) == content
        assert bytes(reader.read(10, 0)) == b""
        assert bytes(reader.read(reader.size - 1, 1)) == content[-1:]
        for offset, length in ((reader.size, 1), (0, reader.size + 1), (-1, 1)):
            with pytest.raises(StoreError, match=str(len(content))):
                reader.read(offset, length)


def test_an_empty_object_can_be_opened(store: ObjectStore):
    store.create("empty", b"")
    with closing(store.open("empty")) as reader:
        assert (reader.size, bytes(reader.read(0, 0))) == (0, b"")


def test_a_view_outlives_its_reader(store: ObjectStore):
    store.create("data", b"0123456789")
    reader = store.open("data")
    view = reader.read(2, 3)
    reader.close()
    assert bytes(view) == b"234"


def test_a_large_file_is_whole_and_its_second_writer_loses(store: ObjectStore, tmp_path: Path):
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(b"a" * (17 * MIB) + b"end")
    second.write_bytes(b"b" * (17 * MIB))
    assert store.create("large", first) is True
    assert store.create("large", second) is False
    assert store.size("large") == 17 * MIB + 3
    with closing(store.open("large")) as reader:
        assert bytes(reader.read(17 * MIB - 2, 5)) == b"aaend"


def test_replacing_overwrites_an_object(store: ObjectStore, tmp_path: Path):
    file = tmp_path / "content"
    file.write_bytes(b"three")
    for content in (b"one", b"second", file):
        store.replace("telemetry/log", content)
    assert store.get("telemetry/log") == b"three"


def test_keys_are_sorted_and_filtered_by_any_prefix(store: ObjectStore):
    for key in ("z", "a/b/2", "a/c/1", "a/b-2", "a/b/1"):
        store.create(key, b"")
    assert list(store.keys("")) == ["a/b-2", "a/b/1", "a/b/2", "a/c/1", "z"]
    assert list(store.keys("a/b/")) == ["a/b/1", "a/b/2"]
    assert list(store.keys("a/b")) == ["a/b-2", "a/b/1", "a/b/2"]
    assert list(store.keys("none/")) == []


def test_deleting_takes_a_folder_and_not_its_namesakes(store: ObjectStore):
    for key in ("runs/demo/a", "runs/demo/b/c", "runs/demo2/a"):
        store.create(key, b"")
    store.delete("runs/demo")
    store.delete("runs/none")
    assert list(store.keys("")) == ["runs/demo2/a"]
    store.delete("runs/demo2/a")
    assert list(store.keys("")) == []


def test_keys_that_leave_the_store_are_refused(store: ObjectStore):
    for key in (
        "",
        "/etc/passwd",
        "../outside",
        "a/../../b",
        "a//b",
        "a/.",
        "a\\b",
        "a\0b",
        "a/b/",
        ".tmp/x",
        "é" * 600,
    ):
        for act in (store.get, store.size, store.open, lambda k: store.create(k, b""), lambda k: store.replace(k, b"")):
            with pytest.raises(StoreError, match="is not a valid object key"):
                act(key)


def test_a_missing_source_file_is_the_callers_own_error(store: ObjectStore, tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        store.create("key", tmp_path / "none")
    assert store.size("key") is None


def test_an_object_that_is_larger_than_asked_for_is_not_read(store: ObjectStore):
    store.create("a/record.json", b"x" * 101)
    assert len(store.get("a/record.json", 101)) == 101
    with pytest.raises(ObjectTooLarge, match=r"a/record\.json has 101 bytes; at most 100 are read"):
        store.get("a/record.json", 100)


def test_a_draft_becomes_an_object_and_is_deleted(store: ObjectStore):
    with store.draft() as draft:
        draft.write_bytes(b"drafted")
        assert store.create("a/b", draft) is True
        assert store.create("a/b", draft) is False
    assert not draft.exists()
    assert store.get("a/b") == b"drafted"
    assert list(store.keys("")) == ["a/b"]


def test_a_draft_that_is_not_stored_leaves_nothing(store: ObjectStore):
    with store.draft() as draft:
        draft.write_bytes(b"drafted")
    assert not draft.exists()
    assert list(store.keys("")) == []
