"""A store that answers 503 or 403, or hangs for half a minute: the training reports it, waits, and ends as if
undisturbed."""

import time
from collections.abc import Iterator

import pytest

from hack.cluster.eventually import eventually
from hack.cluster.s3_server import S3Server
from tests.controlplane.faults.scene import Scene
from tests.controlplane.pods import Pods
from tests.controlplane.training import TASKS, TRAININGS, Digests
from tests.support.proxy import Proxy

HANGS_SECONDS = 30


@pytest.fixture
def store(s3_server: S3Server) -> Iterator[Proxy]:
    with Proxy(s3_server.endpoint) as proxy:
        yield proxy


def test_an_outage_is_a_condition_that_costs_no_attempt_and_no_time_of_the_round(
    scene: Scene, pods: Pods, store: Proxy, undisturbed: Digests
) -> None:
    pods.faults = {"-train-bank-b-": "late:rounds/0001/updates/"}
    bucket = scene.bucket
    bucket["s3"]["endpoint"] = store.url
    with scene.operator(RESYNC_SECONDS="2"):
        scene.apply(storage=bucket)
        eventually(lambda: scene.status.get("participants") == "1/2")
        before, elapsed = time.monotonic(), scene.status["elapsed"]["seconds"]
        store.fault = "busy"
        out = time.monotonic()
        eventually(lambda: scene.condition("StoreReachable").get("reason") == "Unavailable")
        tasks = {task["metadata"]["name"] for task in scene.at_banks(TASKS)}
        pods.go("-train-bank-b-")
        time.sleep(5)
        store.fault = "hang"
        time.sleep(HANGS_SECONDS)
        assert scene.condition("StoreReachable")["status"] == "False"
        assert {task["metadata"]["name"] for task in scene.at_banks(TASKS)} == tasks
        outage = time.monotonic() - out
        pods.held = {"-aggregate-"}
        store.fault = ""
        eventually(lambda: scene.condition("StoreReachable").get("status") == "True")
        spent = scene.status["elapsed"]
        assert spent["round"] == 1
        assert spent["seconds"] - elapsed < time.monotonic() - before - outage + 3
        pods.held = set()
        scene.succeeded_with(undisturbed)
        scene.delete()


@pytest.mark.usefixtures("pods")
def test_a_participant_whose_writes_are_denied_is_not_to_blame(
    scene: Scene, store: Proxy, undisturbed: Digests
) -> None:
    bucket = scene.bucket
    bucket["s3"]["endpoint"] = store.url
    store.denied = "PUT .*/rounds/0001/updates/bank-b/"
    with scene.operator(RESYNC_SECONDS="2"):
        scene.apply(storage=bucket)
        eventually(lambda: says(scene, "waiting for the ledger: bank-b", "Grant s3:PutObject on this key"))
        store.denied = "LIST .*/rounds/0001"
        eventually(lambda: scene.condition("StoreReachable").get("reason") == "Refused")
        assert "Grant s3:ListBucket on the bucket for this prefix" in scene.condition("StoreReachable")["message"]
        store.denied = ""
        scene.succeeded_with(undisturbed)
        scene.delete()


def says(scene: Scene, *words: str) -> bool:
    """Whether the status has all these words at once: while the task is repeated, it has none of them."""
    message = scene.status.get("message", "")
    return all(one in message for one in words)


def test_a_training_whose_ledger_is_to_go_with_it_says_that_it_waits_for_the_store(
    scene: Scene, pods: Pods, store: Proxy
) -> None:
    pods.held = {"-train-"}
    bucket = {**scene.bucket, "retentionPolicy": "Delete"}
    bucket["s3"]["endpoint"] = store.url
    with scene.operator(RESYNC_SECONDS="2"):
        scene.apply(storage=bucket)
        eventually(lambda: scene.at_banks(TASKS))
        store.fault = "busy"
        scene.api.delete(TRAININGS, scene.federation.name, scene.federation.namespace)
        eventually(lambda: scene.condition("StoreReachable").get("reason") == "LedgerRemains")
        assert "storage.retentionPolicy: Retain" in scene.status["message"]
        assert scene.ledger.names()
        eventually(lambda: not pods.running)  # a kubelet ends the processes before the pods are gone
        store.fault = ""
        eventually(lambda: scene.api.find(TRAININGS, scene.federation.name, scene.federation.namespace) is None)
        assert not scene.ledger.names()
