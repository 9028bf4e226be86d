"""Deletion of a training with `retentionPolicy: Delete`: which ledgers are deleted."""

from pathlib import Path

import pytest
from fedtrain_operator.coordinator.finalizer import PATIENCE_SECONDS
from fedtrain_operator.kube.api_error import ApiError

from fedtrain.contracts import names
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.store import StoreError
from fedtrain.manifests.labels import of_training
from tests.unit.operator.api_server import Request
from tests.unit.operator.federation import FOUR, TRAINING, Federation

S3 = {"type": "S3", "s3": {"bucket": "fed"}, "retentionPolicy": "Delete"}


@pytest.fixture
def deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Federation:
    """A training in round 1 that is being deleted."""
    federation = Federation(tmp_path, monkeypatch)
    unread = Ledger(federation.ledger.store, federation.ledger.namespace, federation.ledger.name)
    monkeypatch.setattr("fedtrain_operator.coordinator.finalizer.open_ledger", lambda *_: unread)
    federation.apply(storage=S3)
    federation.settle(2)
    federation.deliver_preflights(*FOUR)
    federation.deliver_adapter()
    federation.settle()
    assert names.plan(1) in federation.ledger.names()
    federation.delete()
    return federation


def released(federation: Federation) -> bool:
    return federation.training["metadata"]["finalizers"] == []


def test_the_ledger_of_the_training_is_deleted(deleted: Federation) -> None:
    deleted.settle(2)
    assert (deleted.ledger.names(), released(deleted)) == ([], True)


def test_rounds_without_run_json_are_kept_until_the_user_decides(deleted: Federation) -> None:
    deleted.ledger.delete(names.RUN)
    before = deleted.ledger.names()
    deleted.settle(2)
    assert (deleted.ledger.names(), released(deleted)) == (before, False)
    condition = deleted.condition("StoreReachable")
    assert condition["reason"] == "LedgerRemains"
    assert "`run.json` is missing, but " in condition["message"]
    assert "To keep it, set storage.retentionPolicy: Retain" in condition["message"]
    deleted.change(storage=S3 | {"retentionPolicy": "Retain"})
    deleted.settle(2)
    assert (deleted.ledger.names(), released(deleted)) == (before, True)


def test_a_deletion_that_the_store_interrupts_is_resumed(deleted: Federation, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket deletes many objects in one request, and may delete `run.json` alone."""
    store, asked = deleted.ledger.store, list[str]()
    delete = store.delete

    def breaks_off(prefix: str) -> None:
        asked.append(prefix)
        if len(asked) == 1:
            if store.size(f"{prefix}/{names.RUN}") is not None:
                delete(f"{prefix}/{names.RUN}")
            raise StoreError("the server failed")
        delete(prefix)

    monkeypatch.setattr(store, "delete", breaks_off)
    deleted.settle(1)
    assert not released(deleted)
    deleted.settle(2)
    assert (deleted.ledger.names(), released(deleted)) == ([], True)


def test_the_ledger_is_deleted_once_the_hubs_pods_have_ended(deleted: Federation) -> None:
    marks = of_training(TRAINING)
    deleted.server.add("pods", {"metadata": {"name": "aggregate", "namespace": TRAINING.namespace, "labels": marks}})
    before = deleted.ledger.names()
    deleted.settle(2)
    assert (deleted.ledger.names(), released(deleted)) == (before, False)
    del deleted.server.objects["pods", TRAINING.namespace, "aggregate"]
    deleted.settle(2)
    assert (deleted.ledger.names(), released(deleted)) == ([], True)


def test_a_pod_that_does_not_end_delays_the_deletion_for_two_minutes(deleted: Federation) -> None:
    marks = of_training(TRAINING)
    deleted.server.add("pods", {"metadata": {"name": "aggregate", "namespace": TRAINING.namespace, "labels": marks}})
    deleted.settle(1)
    assert not released(deleted)
    deleted.time.now += PATIENCE_SECONDS
    deleted.settle(2)
    assert (deleted.ledger.names(), released(deleted)) == ([], True)


def test_what_is_written_during_the_deletion_is_deleted(deleted: Federation, monkeypatch: pytest.MonkeyPatch) -> None:
    store, late = deleted.ledger.store, ["aggregate"]
    delete = store.delete

    def with_a_late_write(prefix: str) -> None:
        delete(prefix)
        if prefix.endswith(TRAINING.name) and late:
            store.create(f"{prefix}/blobs/{late.pop()}", b"late")

    monkeypatch.setattr(store, "delete", with_a_late_write)
    deleted.settle(2)
    assert (deleted.ledger.names(), released(deleted)) == ([], True)


def test_a_spec_of_a_newer_crd_blocks_the_deletion_with_two_ways_out(deleted: Federation) -> None:
    deleted.change(storage=S3 | {"novelty": True})
    deleted.settle(1)
    condition = deleted.condition("Accepted")
    assert (condition["status"], condition["reason"], released(deleted)) == ("False", "Malformed", False)
    assert "update the hub's chart, or set storage.retentionPolicy: Retain, which keeps" in condition["message"]
    deleted.change(storage=S3 | {"novelty": True, "retentionPolicy": "Retain"})
    deleted.settle(1)
    assert released(deleted)


def test_without_the_right_to_list_pods_the_deletion_continues(
    deleted: Federation,
) -> None:
    def no_right(request: Request) -> ApiError | None:
        return ApiError(403, "Forbidden", "cannot list pods") if request.kind == "pods" else None

    deleted.server.fault = no_right
    deleted.settle(2)
    assert (deleted.ledger.names(), released(deleted)) == ([], True)
