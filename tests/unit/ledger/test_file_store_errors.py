"""What a disk refuses: quotas, rights, full disks, file systems without hard links. Each error says what to do."""

import errno
import os
import resource
from pathlib import Path

import pytest
from forked_writers import in_a_process, leftovers

from fedtrain.ledger.file_errors import explain
from fedtrain.ledger.file_store import FileStore
from fedtrain.ledger.store import StoreError, StoreRefused, StoreUnavailable


def test_a_write_beyond_the_quota_says_so_and_leaves_nothing(tmp_path: Path):
    def write() -> object:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
        return FileStore(tmp_path).create("default/large", b"x" * (1 << 17))

    message = in_a_process(write)
    assert "File too large" in message
    assert str(tmp_path) in message
    assert "Free some space" in message
    assert list(FileStore(tmp_path).keys("")) == []
    assert leftovers(tmp_path) == []


def test_a_folder_of_someone_else_says_who_needs_what(tmp_path: Path):
    root = tmp_path / "runs"
    root.mkdir(mode=0o500)

    def write() -> object:
        if os.getuid() == 0:
            os.setgid(65534)
            os.setuid(65534)
        return FileStore(root).create("default/run.json", b"")

    message = in_a_process(write)
    assert str(root) in message
    assert "needs to read and write /" in message
    assert "Change its owner or permissions" in message
    assert ".json" not in message


def test_a_file_in_the_place_of_the_folder_is_refused_at_once(tmp_path: Path):
    (tmp_path / "runs").write_text("")
    with pytest.raises(StoreError, match=r"runs.*A file is where a folder is needed"):
        FileStore(tmp_path / "runs")


def test_an_object_in_the_place_of_a_folder_is_named(tmp_path: Path):
    store = FileStore(tmp_path)
    store.create("a", b"")
    with pytest.raises(StoreError, match=r"A file is where a folder is needed"):
        store.create("a/b", b"")


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.ENOSPC, StoreRefused, "Free some space"),
        (errno.EDQUOT, StoreRefused, "quota"),
        (errno.EACCES, StoreRefused, "owner or permissions"),
        (errno.EROFS, StoreRefused, "mounted read-only"),
        (errno.EIO, StoreError, "Check the disk"),
        (errno.ESTALE, StoreUnavailable, "may pass"),
        (errno.EMFILE, StoreUnavailable, "may pass"),
    ],
)
def test_every_refusal_of_the_disk_says_what_to_do(number: int, kind: type[StoreError], words: str):
    error = explain(OSError(number, os.strerror(number)), Path("/runs"), Path("/runs/default/a"))
    assert type(error) is kind
    assert words in str(error)
    whole = (errno.EROFS, errno.EACCES, errno.ENOSPC, errno.EDQUOT)  # errors of folders
    place = "/runs" if number in whole else "/runs/default/a"
    assert place in str(error)


def test_a_file_system_without_hard_links_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    with pytest.raises(StoreError, match=r"no hard links.*storage\.type: S3"):
        FileStore(tmp_path).create("key", b"")


def test_a_full_disk_below_a_draft_is_a_refusal_of_the_ledger(tmp_path: Path):
    full = OSError(errno.ENOSPC, "No space left on device")
    with (
        pytest.raises(StoreRefused, match=r"The disk of the ledger is full: .* \(No space left on device\)"),
        FileStore(tmp_path).draft(),
    ):
        raise full
