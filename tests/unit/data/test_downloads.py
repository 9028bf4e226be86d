"""Local copies of objects in a bucket: complete, current, limited in size and shared between processes."""

import multiprocessing
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from fedtrain.api.storage import S3Access
from fedtrain.contracts.places import Place
from fedtrain.data import download_cache
from fedtrain.data.download_cache import DownloadCache
from fedtrain.data.downloads import downloaded
from fedtrain.data.errors import DataError
from fedtrain.data.reader import read_rows
from fedtrain.ledger.store import StoreUnavailable
from tests.support.moto_server import serving_s3

ROW = b'{"text": "a"}\n'


class Bucket:
    """A new bucket; its text is `s3://NAME`."""

    def __init__(self, endpoint: str) -> None:
        self.client: Any = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
        self.name = f"data-{uuid.uuid4().hex[:12]}"
        self.client.create_bucket(Bucket=self.name)
        self.place = Place(name="data", s3=S3Access(endpoint=endpoint, region="us-east-1"), setting="datasets[a].s3")

    def __str__(self) -> str:
        return f"s3://{self.name}"

    def put(self, **objects: bytes) -> None:
        for key, content in objects.items():
            self.client.put_object(Bucket=self.name, Key=key, Body=content)

    def files(self, uri: str) -> dict[str, bytes]:
        root = downloaded(uri, self.place)
        return {str(file.relative_to(root)): file.read_bytes() for file in root.rglob("*") if file.is_file()}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with serving_s3() as address:
        yield address


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, endpoint: str) -> Bucket:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("FEDTRAIN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FEDTRAIN_CACHE_LIMIT", raising=False)
    return Bucket(endpoint)


def entries(tmp_path: Path) -> int:
    return len([path for path in (tmp_path / "cache" / "downloads").iterdir() if not path.name.startswith(".")])


def test_folder_markers_are_skipped_and_double_slashes_are_one(bucket: Bucket) -> None:
    bucket.put(**{"m/": b"", "m/a.jsonl": ROW, "m/deep/": b"", "m/deep_$folder$": b"", "m//b.jsonl": ROW})
    assert set(bucket.files(f"{bucket}/m")) == {"a.jsonl", "b.jsonl"}
    assert set(bucket.files(f"{bucket}/m/")) == {"a.jsonl", "b.jsonl"}
    assert len(read_rows(f"{bucket}/m", "Text", bucket.place)) == 2


def test_an_object_and_a_prefix_with_a_double_slash_can_be_named(bucket: Bucket) -> None:
    bucket.put(**{"dd//a.jsonl": ROW})
    assert downloaded(f"{bucket}/dd//a.jsonl", bucket.place).read_bytes() == ROW
    assert bucket.files(f"{bucket}/dd") == {"a.jsonl": ROW}
    assert bucket.files(f"{bucket}") == {"dd/a.jsonl": ROW}


def test_a_prefix_of_markers_alone_has_no_objects(bucket: Bucket) -> None:
    bucket.put(**{"m/": b""})
    with pytest.raises(DataError, match=f"{bucket}/m: no such object or folder"):
        downloaded(f"{bucket}/m", bucket.place)


@pytest.mark.parametrize(
    ("key", "named"),
    [
        ("m/../../evil.jsonl", "m/../../evil.jsonl"),
        ("m/./a.jsonl", "m/./a.jsonl"),
        ("m/a.jsonl/b.jsonl", "m/a.jsonl/b.jsonl"),
        ("m//a.jsonl", "m/a.jsonl"),  # both would be a.jsonl
        ("m/x/", "m/x/"),
    ],
)
def test_keys_that_cannot_be_files_are_refused_by_name(bucket: Bucket, tmp_path: Path, key: str, named: str) -> None:
    bucket.put(**{"m/a.jsonl": ROW, key: ROW})
    with pytest.raises(DataError, match="rename or delete it") as refused:
        downloaded(f"{bucket}/m", bucket.place)
    assert f"object {named!r} " in str(refused.value)
    assert not list(tmp_path.rglob("*.jsonl"))


def test_an_object_edited_in_place_with_the_same_size_is_downloaded_again(bucket: Bucket) -> None:
    bucket.put(**{"rows/a.jsonl": b'{"text": "old"}\n'})
    assert read_rows(f"{bucket}/rows", "Text", bucket.place)[0].fields == {"text": "old"}
    bucket.put(**{"rows/a.jsonl": b'{"text": "new"}\n'})
    assert read_rows(f"{bucket}/rows", "Text", bucket.place)[0].fields == {"text": "new"}


def test_unchanged_objects_are_downloaded_once(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket.put(**{"rows/a.jsonl": ROW})
    first = downloaded(f"{bucket}/rows", bucket.place)
    stamp = (first / "a.jsonl").stat()
    again = downloaded(f"{bucket}/rows/", bucket.place)
    assert (again / "a.jsonl").stat().st_ino == stamp.st_ino


def test_a_download_that_the_user_deleted_is_downloaded_again(bucket: Bucket) -> None:
    bucket.put(**{"rows/a.jsonl": ROW})
    shutil.rmtree(downloaded(f"{bucket}/rows", bucket.place))
    assert bucket.files(f"{bucket}/rows") == {"a.jsonl": ROW}


@pytest.mark.parametrize("held", [True, False], ids=["this process", "a new process"])
@pytest.mark.parametrize("damage", ["deleted", "truncated"])
def test_a_copy_that_has_lost_rows_is_downloaded_again(bucket: Bucket, tmp_path: Path, damage: str, held: bool) -> None:
    """By a program that cleans caches, or a power cut."""
    content = {"a.jsonl": ROW * 2, "more/b.jsonl": ROW * 3}
    bucket.put(**{f"rows/{name}": rows for name, rows in content.items()})
    (downloaded if held else in_another_process)(f"{bucket}/rows", bucket.place)
    (file,) = (tmp_path / "cache").rglob("b.jsonl")
    if damage == "deleted":
        file.unlink()
    else:
        file.write_bytes(ROW)
    assert bucket.files(f"{bucket}/rows") == content


def test_a_damaged_copy_that_another_process_uses_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (DownloadCache(tmp_path, limit=1000) for _ in range(2))  # as of two processes
    (first.entry("a", {"b": 10}, lambda folder: write(folder / "b", 10)) / "b").unlink()
    monkeypatch.setattr(download_cache.time, "sleep", lambda _: None)
    with pytest.raises(StoreUnavailable, match=r"were deleted or truncated.* Wait for these processes"):
        second.entry("a", {"b": 10}, lambda folder: write(folder / "b", 10))


def test_a_copy_is_durable_before_it_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: dict[int, bool] = {}
    sync = os.fsync

    def note(descriptor: int) -> None:
        sync(descriptor)
        synced[os.fstat(descriptor).st_ino] = (tmp_path / "a").exists()

    def fill(folder: Path) -> None:
        (folder / "deep").mkdir()
        (folder / "deep" / "file").write_bytes(b"abc")

    monkeypatch.setattr(os, "fsync", note)
    entry = DownloadCache(tmp_path, limit=1000).entry("a", {"deep/file": 3}, fill)
    before = {path.stat().st_ino: False for path in (entry, entry / "deep", entry / "deep" / "file")}
    assert synced == {**before, tmp_path.stat().st_ino: True}


def test_only_the_wanted_names_are_downloaded(bucket: Bucket) -> None:
    bucket.put(**{"base/config.json": b"{}", "base/original/weights.pth": b"x" * 10})
    root = downloaded(f"{bucket}/base", bucket.place, wanted=lambda name: name == "config.json")
    assert [path.name for path in root.rglob("*")] == ["config.json"]
    assert set(bucket.files(f"{bucket}/base")) == {"config.json", "original/weights.pth"}


def in_another_process(uri: str, place: Place) -> None:
    """Download and exit, so that the entry is no longer in use."""
    process = multiprocessing.get_context("fork").Process(target=downloaded, args=(uri, place))
    process.start()
    process.join()
    assert process.exitcode == 0


def test_the_least_recently_used_download_is_deleted_first(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEDTRAIN_CACHE_LIMIT", "3Ki")
    bucket.put(**{name: name.encode() * 1024 for name in "abcd"})
    for number, name in enumerate("abc"):
        in_another_process(f"{bucket}/{name}", bucket.place)
        for entry in (tmp_path / "cache" / "downloads").iterdir():
            if (entry / name).exists():
                download_cache.mark_used(entry, seconds=1_000_000.0 + number)
    in_another_process(f"{bucket}/a", bucket.place)  # the most recently used from here on
    in_another_process(f"{bucket}/d", bucket.place)
    assert {path.name for path in (tmp_path / "cache").rglob("[a-d]")} == {"a", "c", "d"}


def test_a_download_in_use_is_kept(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEDTRAIN_CACHE_LIMIT", "1Ki")
    bucket.put(a=b"a" * 1024, b=b"b" * 1024)
    in_use = downloaded(f"{bucket}/a", bucket.place)
    with pytest.raises(StoreUnavailable, match=r"download 1024 bytes of it.*FEDTRAIN_CACHE_LIMIT to 2048"):
        downloaded(f"{bucket}/b", bucket.place)
    assert in_use.read_bytes() == b"a" * 1024


def write(file: Path, size: int) -> None:
    file.write_bytes(b"x" * size)


def test_concurrent_downloads_together_stay_within_the_limit(tmp_path: Path) -> None:
    first, second = (DownloadCache(tmp_path, limit=1000) for _ in range(2))  # as of two processes

    def fill(folder: Path) -> None:
        with pytest.raises(StoreUnavailable, match="use or download 600 bytes of it, so 500 more do not fit"):
            second.entry("b", {"b": 500}, lambda _: None)
        second.entry("c", {"c": 400}, lambda other: write(other / "c", 400))
        write(folder / "a", 600)

    first.entry("a", {"a": 600}, fill)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name[0] != ".") == ["a", "c"]


def test_what_a_killed_download_left_is_deleted(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEDTRAIN_CACHE_LIMIT", "2Ki")
    partial = tmp_path / "cache" / "downloads" / ".partial-killed"
    partial.mkdir(parents=True)
    (partial / "half").write_bytes(b"x" * 2048)
    bucket.put(a=b"a" * 1024)
    downloaded(f"{bucket}/a", bucket.place)
    assert not partial.exists()


def test_a_download_above_the_limit_is_refused_with_both_sizes(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEDTRAIN_CACHE_LIMIT", "1Ki")
    bucket.put(a=b"a" * 2048)
    with pytest.raises(DataError, match=rf"{bucket}/a has 2048 bytes.*1024.*Set FEDTRAIN_CACHE_LIMIT"):
        downloaded(f"{bucket}/a", bucket.place)


@pytest.mark.parametrize("limit", ["much", "-1", "0"])
def test_an_invalid_limit_is_named(bucket: Bucket, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setenv("FEDTRAIN_CACHE_LIMIT", limit)
    bucket.put(a=b"a")
    with pytest.raises(DataError, match=f"FEDTRAIN_CACHE_LIMIT is '{limit}'"):
        downloaded(f"{bucket}/a", bucket.place)


def test_processes_that_want_the_same_objects_download_them_once(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put(**{f"rows/{number}.jsonl": ROW * 50 for number in range(20)})
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=downloaded, args=(f"{bucket}/rows", bucket.place)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]
    assert entries(tmp_path) == 1
    assert len(read_rows(f"{bucket}/rows", "Text", bucket.place)) == 1000
