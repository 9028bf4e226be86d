"""A store that answers 503, or hangs for half a minute: the training says so, waits, and ends as if undisturbed."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fedtrain.ledger.verify import verify
from tests.clusters.api import Api, Json
from tests.clusters.eventually import eventually
from tests.clusters.minio import Minio
from tests.controlplane.faults.operators import SupervisedOperator
from tests.controlplane.pods import Pods
from tests.controlplane.training import TASKS, Digests, Federation, digests
from tests.support.proxy import Proxy

pytestmark = pytest.mark.slow
LONG = 120
HANGS_SECONDS = 30


@pytest.fixture
def store(minio: Minio) -> Iterator[Proxy]:
    with Proxy(minio.endpoint) as proxy:
        yield proxy


def reachable(federation: Federation, api: Api) -> Json:
    conditions = federation.status(api).get("conditions", ())
    return next((one for one in conditions if one["type"] == "StoreReachable"), {})


def test_an_outage_is_a_condition_that_costs_no_attempt_and_no_time_of_the_round(
    operator_kubeconfig: Path,
    zygote: str,
    pods: Pods,
    store: Proxy,
    federation: Federation,
    api: Api,
    minio: Minio,
    undisturbed: Digests,
    tmp_path: Path,
) -> None:
    pods.faults = {"-train-bank-b-": "late:rounds/0001/updates/"}
    bucket = federation.bucket(minio)
    bucket["s3"]["endpoint"] = store.url
    with SupervisedOperator(zygote, operator_kubeconfig, tmp_path, RESYNC_SECONDS="2"):
        federation.apply(api, minio, storage=bucket)
        eventually(lambda: federation.status(api).get("participants") == "1/2", LONG)
        before, elapsed = time.monotonic(), federation.status(api)["elapsed"]["seconds"]
        store.fault = "busy"
        out = time.monotonic()
        eventually(lambda: reachable(federation, api).get("reason") == "Unavailable", LONG)
        tasks = {task["metadata"]["name"] for task in federation.at_banks(api, TASKS)}
        pods.go("-train-bank-b-")
        time.sleep(5)
        store.fault = "hang"
        time.sleep(HANGS_SECONDS)
        assert reachable(federation, api)["status"] == "False"
        assert {task["metadata"]["name"] for task in federation.at_banks(api, TASKS)} == tasks
        outage = time.monotonic() - out
        pods.held = {"-aggregate-"}
        store.fault = ""
        eventually(lambda: reachable(federation, api).get("status") == "True", LONG)
        spent = federation.status(api)["elapsed"]
        assert spent["round"] == 1
        assert spent["seconds"] - elapsed < time.monotonic() - before - outage + 3
        pods.held = set()
        eventually(lambda: federation.status(api).get("phase") in ("Succeeded", "Failed"), LONG)
        ledger = federation.ledger(minio)
        assert digests(ledger) == undisturbed
        assert verify(ledger).sound
        federation.delete(api)
