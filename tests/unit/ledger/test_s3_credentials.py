"""Credentials that change or expire during a run are read again, and each place uses its own."""

import re
from pathlib import Path

import pytest
from s3_fake import Answer, Request, failure, serving

from fedtrain.api.storage import S3, S3Access
from fedtrain.contracts.places import Place
from fedtrain.data.bucket import Bucket
from fedtrain.ledger.s3_client import Patience
from fedtrain.ledger.s3_store import S3Store
from fedtrain.ledger.store import StoreError, StoreUnavailable

LISTING = Answer(200, b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")
ONCE = Patience(connect_seconds=60, read_seconds=60, attempts=1)


def key_of(request: Request) -> str:
    found = re.search("Credential=([^/]+)/", request.headers.get("authorization", ""))
    return found[1] if found else ""


class Server:
    """Knows one key at a time. Keys that it knew before have expired."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.seen: list[str] = []

    def __call__(self, request: Request) -> Answer:
        self.seen.append(key_of(request))
        is_head = request.method == "HEAD"  # its answer has no body
        if key_of(request) == self.key:
            return Answer(200, headers={"Content-Length": "0"}) if is_head else LISTING
        return Answer(400, headers={"Content-Type": "none"}) if is_head else failure(400, "ExpiredToken")


def write(folder: Path, key: str) -> None:
    """A Secret as the kubelet mounts it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "AWS_ACCESS_KEY_ID").write_text(key)
    (folder / "AWS_SECRET_ACCESS_KEY").write_text("secret\n")


@pytest.fixture
def mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FEDTRAIN_CREDENTIALS", str(tmp_path / "mounts"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "environment")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    return tmp_path / "mounts"


def test_a_mounted_secret_that_changes_is_used_from_the_next_request_on(mounts: Path) -> None:
    write(mounts / "ledger", "old")
    server = Server("old")
    with serving(server) as s3:
        store = S3Store(s3, patience=ONCE)
        assert list(store.keys("")) == []
        server.key = "new"
        with pytest.raises(StoreUnavailable, match=r"the credentials have expired \(ExpiredToken\)\. Log in again"):
            list(store.keys(""))
        write(mounts / "ledger", "new")
        assert list(store.keys("")) == []
        assert store.size("default/run.json") == 0
    assert set(server.seen) == {"old", "new"}


def test_each_place_uses_its_own_secret_or_the_environment(mounts: Path) -> None:
    write(mounts / "ledger", "ledger")
    write(mounts / "base", "base")
    server = Server("")
    with serving(server) as s3:
        access = S3Access(endpoint=s3.endpoint, region=s3.region)
        for name in ("base", "data"):
            with pytest.raises(StoreUnavailable):
                list(Bucket("rows", Place(name=name, s3=access, setting="model.s3")).objects(""))
    assert set(server.seen) == {"base", "environment"}


def test_a_mounted_secret_without_a_key_is_named(mounts: Path) -> None:
    (mounts / "ledger").mkdir(parents=True)
    with pytest.raises(StoreError, match=r"ledger has no AWS_ACCESS_KEY_ID and no AWS_SECRET_ACCESS_KEY\."):
        S3Store(S3(bucket="runs", endpoint="http://127.0.0.1:1", region="x"))


@pytest.mark.parametrize("method", ["list", "head"])
def test_a_profile_whose_keys_expire_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """Programs that log in for an hour replace the keys in this file."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "credentials"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    file.write_text("[bank]\naws_access_key_id = old\naws_secret_access_key = secret\n")
    server = Server("old")
    with serving(server) as s3:
        store = S3Store(s3.model_copy(update={"profile": "bank"}), patience=ONCE)
        assert list(store.keys("")) == []
        server.key = "new"
        file.write_text("[bank]\naws_access_key_id = new\naws_secret_access_key = secret\n")
        if method == "list":
            assert list(store.keys("")) == []
        else:
            assert store.size("default/run.json") == 0
    assert server.seen[0] == "old"
    assert server.seen[-1] == "new"


def test_a_profile_that_does_not_exist_is_named_with_its_field() -> None:
    s3 = S3(bucket="runs", endpoint="http://127.0.0.1:1", region="x", profile="nobody")
    with pytest.raises(StoreError, match=r"nobody.*Check storage\.s3\.profile\.$"):
        S3Store(s3)


def test_a_mounted_secret_that_is_not_text_is_named(mounts: Path) -> None:
    write(mounts / "ledger", "key")
    (mounts / "ledger/AWS_SECRET_ACCESS_KEY").write_bytes(b"\xff\xfe")
    with pytest.raises(StoreError, match=r"ledger: AWS_SECRET_ACCESS_KEY is not UTF-8 text\. Correct it\."):
        S3Store(S3(bucket="fed", endpoint="http://127.0.0.1:9"), patience=ONCE)


def test_half_of_the_credentials_names_the_missing_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "half")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY", raising=False)
    with pytest.raises(StoreError) as caught:
        S3Store(S3(bucket="runs", endpoint="http://127.0.0.1:1", region="x"))
    assert str(caught.value) == (
        "The S3 credentials are incomplete: AWS_SECRET_ACCESS_KEY is not set. Set it as well as AWS_ACCESS_KEY_ID."
    )


def test_half_of_a_profile_names_the_missing_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "credentials").write_text("[bank]\naws_access_key_id = half\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    with pytest.raises(StoreError, match=r"aws_secret_access_key is not set\. Set it as well as aws_access_key_id\.$"):
        S3Store(S3(bucket="runs", endpoint="http://127.0.0.1:1", region="x", profile="bank"))
