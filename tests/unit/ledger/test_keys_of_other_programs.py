"""Objects that other programs have written below a run in a bucket: folders, and names that no store has."""

from typing import Any

import pytest
from history import write_history

from fedtrain.api.storage import S3
from fedtrain.contracts import names
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.s3_store import S3Store
from fedtrain.ledger.verify import verify
from fedtrain.results.deletion import delete_run

FOLDERS = ("", "rounds/", "blobs/", f"{names.COPIES}/")
RUN = "team/runs/default/demo/"


@pytest.fixture
def ledger(bucket: S3, s3_admin: Any) -> Ledger:
    """A run with empty objects that stand for folders."""
    made = Ledger(S3Store(bucket), "default", "demo")
    write_history(made)
    for folder in FOLDERS:
        s3_admin.put_object(Bucket=bucket.bucket, Key=RUN + folder, Body=b"")
    return made


def test_a_folder_is_not_an_object(ledger: Ledger) -> None:
    assert [name for name in ledger.names() if not name or name.endswith("/")] == []
    assert verify(ledger).sound


@pytest.mark.parametrize("key", ["rounds/", "rounds//plan.json", "rounds/../x"])
def test_a_run_with_keys_that_no_store_writes_is_deleted(ledger: Ledger, bucket: S3, s3_admin: Any, key: str) -> None:
    s3_admin.put_object(Bucket=bucket.bucket, Key=RUN + key, Body=b"")
    delete_run(ledger)
    left = s3_admin.list_objects_v2(Bucket=bucket.bucket, Prefix=RUN).get("Contents", ())
    assert [entry["Key"] for entry in left] == [RUN]
    assert ledger.names() == []
