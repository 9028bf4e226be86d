"""The signed requests that a pod mounts, and reads again for each transfer."""

import base64
from pathlib import Path

import pytest

from fedtrain.api.storage import S3, Storage
from fedtrain.contracts.places import Place, Places
from fedtrain.contracts.tasks import Assignment, Binding, Inspect
from fedtrain.contracts.transfer import GRANT_VARIABLE
from fedtrain.ledger.open_task_store import open_task_store
from fedtrain.ledger.presigned_store import PresignedTaskStore
from fedtrain.ledger.store import StoreError
from tests.support.granting import transfer_entry
from tests.support.tasks import task_of

SERVER = "https://s3.example.org"


def test_a_pod_uses_no_renewed_requests_to_another_place_than_the_tasks_bucket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounted = tmp_path / "grant.json.gz"
    mounted.write_bytes(base64.b64decode(transfer_entry(f"{SERVER}/runs/x")))
    monkeypatch.setenv(GRANT_VARIABLE, str(mounted))
    places = Places(ledger=Storage(type="S3", s3=S3(bucket="runs", endpoint=SERVER)), base=Place(name="base"))
    store = open_task_store(Assignment(task=task_of(Inspect()), binding=Binding(places=places)))
    assert isinstance(store, PresignedTaskStore)
    assert store.grant().record.read.url == f"{SERVER}/runs/x"
    mounted.write_bytes(base64.b64decode(transfer_entry("https://evil.example/steal/x")))
    with pytest.raises(StoreError, match=r"signed requests to https://evil\.example, which is not the store that"):
        store.grant()
