"""What goes when a training is deleted, and what is told of its ledger."""

import time

import pytest

from hack.cluster.api import Api
from hack.cluster.eventually import eventually
from hack.cluster.minio import Minio
from tests.controlplane.pods import Pods
from tests.controlplane.training import JOBS, PYTORCHJOBS, TASKS, Federation, begun


@pytest.mark.slow
@pytest.mark.parametrize("retention", ["Retain", "Delete"])
@pytest.mark.usefixtures("operator")
def test_deleting_removes_all_that_was_made_and_the_ledger_only_if_the_file_says_so(
    pods: Pods, federation: Federation, api: Api, minio: Minio, retention: str
) -> None:
    begun(federation, pods, api, minio, storage={**federation.bucket(minio), "retentionPolicy": retention})
    federation.delete(api)
    for resource in (TASKS, PYTORCHJOBS, "v1/pods", "v1/secrets"):
        eventually(lambda resource=resource: federation.at_banks(api, resource) == [])
    eventually(lambda: api.list(JOBS, federation.namespace) == [])
    assert bool(federation.ledger(minio).names()) == (retention == "Retain")
    if retention == "Delete":
        assert said_of_the_ledger(federation, api, "LedgerDeleted").endswith(" is deleted")


@pytest.mark.usefixtures("operator", "pods")
def test_a_training_that_never_was_a_run_takes_its_ledger_with_it_never(
    federation: Federation, api: Api, minio: Minio
) -> None:
    federation.apply(api, minio)
    eventually(lambda: federation.status(api).get("round") is not None)
    federation.delete(api)
    before = federation.ledger(minio).names()
    bucket = {**federation.bucket(minio), "retentionPolicy": "Delete"}
    federation.apply(api, minio, rounds={"count": 7}, storage=bucket)
    eventually(lambda: federation.condition(api, "Accepted").get("reason") == "SpecDiffers")
    federation.delete(api)
    assert set(before) <= set(federation.ledger(minio).names())
    assert "is of a run with another spec" in said_of_the_ledger(federation, api, "LedgerRemains")


@pytest.mark.usefixtures("operator", "pods")
def test_a_ledger_that_was_to_go_and_stays_is_told(federation: Federation, api: Api, minio: Minio) -> None:
    federation.apply(api, minio, storage={**federation.bucket(minio), "retentionPolicy": "Delete"})
    eventually(lambda: federation.at_banks(api, TASKS))
    secret = federation.bucket(minio)["s3"]["credentialsSecretRef"]["name"]
    api.delete("v1/secrets", secret, federation.namespace)
    federation.delete(api)
    assert federation.ledger(minio).names()
    said = said_of_the_ledger(federation, api, "LedgerRemains")
    missing = f"there is no Secret {secret!r} in namespace {federation.namespace!r} (storage.s3.credentialsSecretRef)"
    assert f"stays in its bucket: {missing}. To be rid of it" in said


def said_of_the_ledger(federation: Federation, api: Api, reason: str) -> str:
    """In the one event of this reason, which comes once the training is gone."""

    def said() -> list[str]:
        return [one["message"] for one in api.list("v1/events", federation.namespace) if one["reason"] == reason]

    eventually(said)
    time.sleep(1)  # for another, which must not come
    (once,) = said()
    return once
