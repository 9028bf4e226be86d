"""Deletion of a training: its objects, its ledger, and the event about the ledger."""

import time

import pytest

from hack.cluster.api import Api
from hack.cluster.eventually import eventually
from hack.cluster.s3_server import S3Server
from tests.controlplane.pods import Pods
from tests.controlplane.training import JOBS, PYTORCHJOBS, TASKS, Federation, begun


@pytest.mark.slow
@pytest.mark.parametrize("retention", ["Retain", "Delete"])
@pytest.mark.usefixtures("operator")
def test_a_deletion_removes_all_objects_and_the_ledger_only_with_retention_policy_delete(
    pods: Pods, federation: Federation, api: Api, s3_server: S3Server, retention: str
) -> None:
    begun(federation, pods, api, s3_server, storage={**federation.bucket(s3_server), "retentionPolicy": retention})
    federation.delete(api)
    for resource in (TASKS, PYTORCHJOBS, "v1/pods"):
        eventually(lambda resource=resource: federation.at_banks(api, resource) == [])
    assert federation.signed(api) == {}
    eventually(lambda: api.list(JOBS, federation.namespace) == [])
    assert bool(federation.ledger(s3_server).names()) == (retention == "Retain")
    if retention == "Delete":
        assert ledger_event(federation, api, "LedgerDeleted").startswith("deleted s3://")


@pytest.mark.usefixtures("operator", "pods")
def test_a_training_whose_spec_differs_from_the_run_does_not_delete_its_ledger(
    federation: Federation, api: Api, s3_server: S3Server
) -> None:
    federation.apply(api, s3_server)
    eventually(lambda: federation.status(api).get("round"))  # until round 1, the spec may change
    federation.delete(api)
    before = federation.ledger(s3_server).names()
    bucket = {**federation.bucket(s3_server), "retentionPolicy": "Delete"}
    federation.apply(api, s3_server, rounds={"count": 7}, storage=bucket)
    eventually(lambda: federation.condition(api, "Accepted").get("reason") == "SpecDiffers")
    federation.delete(api)
    assert set(before) <= set(federation.ledger(s3_server).names())
    assert "is not deleted: its run has another spec" in ledger_event(federation, api, "LedgerRemains")


@pytest.mark.usefixtures("operator", "pods")
def test_a_ledger_that_cannot_be_deleted_is_reported(federation: Federation, api: Api, s3_server: S3Server) -> None:
    federation.apply(api, s3_server, storage={**federation.bucket(s3_server), "retentionPolicy": "Delete"})
    eventually(lambda: federation.at_banks(api, TASKS))
    secret = federation.bucket(s3_server)["s3"]["credentialsSecretRef"]["name"]
    api.delete("v1/secrets", secret, federation.namespace)
    federation.delete(api)
    assert federation.ledger(s3_server).names()
    said = ledger_event(federation, api, "LedgerRemains")
    assert f"remains in its bucket: Secret {secret!r} in namespace" in said


def ledger_event(federation: Federation, api: Api, reason: str) -> str:
    """The message of the one event of this reason, which is written once the training is gone."""

    def said() -> list[str]:
        return [one["message"] for one in api.list("v1/events", federation.namespace) if one["reason"] == reason]

    eventually(said)
    time.sleep(1)  # for a second one, which must not come
    (once,) = said()
    return once
