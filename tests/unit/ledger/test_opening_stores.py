"""From the storage block to a store: both kinds, and servers with a certificate of a private authority."""

from pathlib import Path

import pytest
from botocore.loaders import JSONFileLoader
from s3_fake import Answer, serving

from fedtrain.api.storage import S3, File, Storage
from fedtrain.ledger.open import open_ledger, open_store
from fedtrain.ledger.s3_client import Patience, connect
from fedtrain.ledger.s3_credentials import Fixed, Keys
from fedtrain.ledger.s3_place import settings_of
from fedtrain.ledger.s3_store import S3Store
from fedtrain.ledger.store import StoreError, StoreUnavailable

ONCE = Patience(connect_seconds=60, read_seconds=60, attempts=1)


def test_a_run_in_a_folder_and_in_a_bucket_have_the_same_names(tmp_path: Path, bucket: S3):
    for storage in (Storage(file=File(path=str(tmp_path / "runs"))), Storage(type="S3", s3=bucket)):
        ledger = open_ledger(storage, "default", "demo")
        ledger.put_blob(b"content")
        (name,) = ledger.names()
        assert list(open_store(storage).keys("")) == [f"default/demo/{name}"]
        assert ledger.url.endswith("/default/demo")
    assert ledger.url == f"s3://{bucket.bucket}/team/runs/default/demo"


def test_without_a_block_the_ledger_is_in_runs_of_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    open_ledger(Storage(), "default", "demo").put_blob(b"")
    assert (tmp_path / "runs" / "default" / "demo" / "blobs").is_dir()


def test_all_ledgers_of_one_server_share_its_client_and_no_two_sets_of_credentials_do():
    """An operator has a thousand ledgers, and each client has connections of its own."""
    one, other = (Fixed(Keys(key_id=name, secret="secret")) for name in ("one", "other"))
    here, there = (
        S3(bucket=name, prefix=name, endpoint="http://127.0.0.1:9", region="x") for name in ("here", "there")
    )
    settings = settings_of(here, "storage.s3")
    assert connect(here, ONCE, one, settings) is connect(there, ONCE, one, settings)
    assert connect(here, ONCE, one, settings) is not connect(here, ONCE, other, settings)
    assert connect(here, ONCE, one, settings) is not connect(
        here.model_copy(update={"region": "y"}), ONCE, one, settings
    )


def test_only_the_first_client_of_a_process_reads_the_description_of_s3(monkeypatch: pytest.MonkeyPatch):
    """A tenth of a second and ten megabytes for each client otherwise."""
    here = S3(bucket="here", endpoint="http://127.0.0.1:9", region="x")
    first, second = (Fixed(Keys(key_id=f"{name} of this test", secret="secret")) for name in ("one", "other"))
    connect(here, ONCE, first, settings_of(here, "storage.s3"))
    read = list[str]()
    load = JSONFileLoader.load_file
    monkeypatch.setattr(JSONFileLoader, "load_file", lambda self, path: read.append(path) or load(self, path))
    connect(here, ONCE, second, settings_of(here, "storage.s3"))
    assert read == []


def test_a_private_authority_is_trusted_through_ca_file_alone(certificate: Path):
    with serving(lambda request: Answer(body=b"content"), certificate) as s3:
        trusting = s3.model_copy(update={"ca_file": str(certificate)})
        assert S3Store(trusting, patience=ONCE).get("key") == b"content"
        with pytest.raises(StoreError, match=r"certificate of bucket 'federation'.*storage\.s3\.caFile") as caught:
            S3Store(s3, patience=ONCE).get("key")
        assert not isinstance(caught.value, StoreUnavailable)
