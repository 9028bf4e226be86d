"""What only a folder can get wrong: processes, killed writers, disks that are full, closed or no disks."""

import errno
import os
import signal
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from forked_writers import FORK, in_a_process, leftovers

from fedtrain.ledger import temporary as temporary_files
from fedtrain.ledger.file_store import FileStore
from fedtrain.ledger.store import ObjectMissing, StoreError
from fedtrain.ledger.temporary import temporary


def make_old(paths: list[Path]) -> None:
    for path in paths:
        os.utime(path, (time.time() - 3600, time.time() - 3600))


def test_of_many_processes_one_wins_each_race(tmp_path: Path):
    writers, races = 6, 10
    barrier = FORK.Barrier(writers)
    results = FORK.Queue()

    def write(writer: int) -> None:
        store = FileStore(tmp_path)
        for race in range(races):
            barrier.wait()
            results.put((race, writer, store.create(f"races/{race}", f"writer {writer}".encode() * 1000)))

    processes = [FORK.Process(target=write, args=(writer,)) for writer in range(writers)]
    for process in processes:
        process.start()
    outcomes = [results.get(timeout=300) for _ in range(writers * races)]
    for process in processes:
        process.join()
    winners = sorted((race, writer) for race, writer, won in outcomes if won)
    assert [race for race, _ in winners] == list(range(races))
    for race, writer in winners:
        assert FileStore(tmp_path).get(f"races/{race}") == f"writer {writer}".encode() * 1000


@pytest.mark.parametrize("moment", ["before the link", "after the link"])
def test_a_writer_killed_at_the_link_leaves_the_whole_object_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
):
    link = os.link

    def kill(source: Path, target: Path) -> None:
        if moment == "after the link":
            link(source, target)
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(os, "link", kill)
    assert in_a_process(lambda: FileStore(tmp_path).create("default/demo/run.json", b"content")) == "killed"
    monkeypatch.setattr(os, "link", link)
    assert len(leftovers(tmp_path)) == 1

    store = FileStore(tmp_path)
    published = moment == "after the link"
    assert list(store.keys("")) == (["default/demo/run.json"] if published else [])
    assert store.create("default/demo/run.json", b"content") is not published
    assert store.get("default/demo/run.json") == b"content"


def test_what_a_killed_writer_left_is_removed_once_it_is_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "link", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    in_a_process(lambda: FileStore(tmp_path).create("key", b"content"))
    FileStore(tmp_path)
    assert len(leftovers(tmp_path)) == 1, "it is young: its writer may be about to lock it"
    make_old(leftovers(tmp_path))
    FileStore(tmp_path)
    assert leftovers(tmp_path) == []


def test_the_file_of_a_writer_that_lives_is_never_removed(tmp_path: Path):
    with temporary(tmp_path) as (path, _):
        make_old([path])
        FileStore(tmp_path)
        assert leftovers(tmp_path) == [path]
    assert leftovers(tmp_path) == []


def test_temporary_files_are_not_objects(tmp_path: Path):
    store = FileStore(tmp_path)
    store.create("default/a", b"")
    with temporary(tmp_path):
        assert list(store.keys("")) == ["default/a"]
        assert list(store.keys(temporary_files.FOLDER)) == []


def test_a_link_whose_reply_was_lost_counts_as_won(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    link = os.link

    def twice(source: Path, target: Path) -> None:
        link(source, target)
        raise FileExistsError(errno.EEXIST, "File exists")

    monkeypatch.setattr(os, "link", twice)
    assert FileStore(tmp_path).create("key", b"mine") is True


def test_opening_and_reading_makes_no_folder(tmp_path: Path):
    store = FileStore(tmp_path / "runs")
    assert (list(store.keys("")), store.size("a")) == ([], None)
    assert not (tmp_path / "runs").exists()


def test_a_relative_path_is_seen_from_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert FileStore(Path("./runs")).url == f"file://{tmp_path}/runs"


def test_a_folder_that_others_make_and_remove_in_between_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    made, others = os.mkdir, [tmp_path / "rounds"]

    def mkdir(path: Path, mode: int = 0o777):
        if path in others:
            others.remove(path)
            raise FileExistsError(errno.EEXIST, "File exists", str(path))  # and now it is gone
        made(path, mode)

    monkeypatch.setattr(os, "mkdir", mkdir)
    assert FileStore(tmp_path).create("rounds/0001/plan.json", b"x")
    assert others == []


def test_writing_beside_others_that_delete_never_fails(tmp_path: Path):
    def work(worker: int) -> None:
        store = FileStore(tmp_path)
        for number in range(40):
            key = f"_probe/{worker}/{number}"
            assert store.create(key, b"x")
            store.delete(f"_probe/{worker}")
            store.replace(key, b"y")
            store.delete(f"_probe/{worker}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert list(FileStore(tmp_path).keys("")) == []
    assert not (tmp_path / "_probe").exists()


def make_socket(path: Path) -> None:
    """Bound by a short relative name: the address of a socket has about 100 bytes at most."""
    before = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(before)


@pytest.mark.parametrize(
    "make",
    [
        os.mkfifo,
        Path.mkdir,
        make_socket,
        lambda path: path.symlink_to("/etc/passwd"),
        lambda path: path.symlink_to("no"),
    ],
    ids=["a FIFO", "a folder", "a socket", "a link", "a dangling link"],
)
def test_only_regular_files_are_objects(tmp_path: Path, make: Callable[[Path], object]):
    store = FileStore(tmp_path)
    store.create("run/whole.json", b"{}")
    make(tmp_path / "run" / "odd.json")
    assert store.size("run/odd.json") is None
    for read in (store.get, store.open):
        with pytest.raises(ObjectMissing):
            read("run/odd.json")
    assert list(store.keys("run/")) == ["run/whole.json"]
    with pytest.raises(StoreError, match=r"odd\.json is not a regular file, so it can't be an object. Move it away"):
        store.create("run/odd.json", b"{}")


def test_a_draft_is_stored_without_a_copy(tmp_path: Path):
    store = FileStore(tmp_path)
    with store.draft() as draft:
        draft.write_bytes(b"drafted")
        node = draft.stat().st_ino
        store.create("a/b", draft)
    file = store.file("a/b")
    assert file is not None
    assert file.stat().st_ino == node
    assert file.stat().st_nlink == 1


def test_a_missing_object_has_no_file(tmp_path: Path):
    with pytest.raises(ObjectMissing, match="a/b"):
        FileStore(tmp_path).file("a/b")
