"""Trainers and aggregators that die around their writes: another attempt goes on, and the digests are the same."""

from pathlib import Path

import pytest

from fedtrain.ledger.verify import verify
from tests.clusters.api import Api
from tests.clusters.eventually import eventually
from tests.clusters.minio import Minio
from tests.controlplane.faults.operators import SupervisedOperator
from tests.controlplane.pods import Pods
from tests.controlplane.training import Digests, Federation, digests

pytestmark = pytest.mark.slow
LONG = 180
UPDATE = r"/updates/bank-a/\d+/(?!record)"
RECORD = r"/updates/bank-a/\d+/record"
WRITES = {
    "-inspect-bank-a-": ("preflight/bank-a",),
    "-0-initialise-": ("blobs/", "initial.json"),
    "-0-evaluate-": ("evaluation-0.json",),
    "-1-train-bank-a-": (UPDATE, RECORD),
    "-1-aggregate-1-": ("blobs/", "aggregate-1.json"),
    "-measure-bank-b-": ("measurements/bank-b",),
}
"""What the pods of these names write, in order. Between two writes is after the one and before the other."""


def test_pods_killed_before_and_after_each_of_their_writes(
    operator_kubeconfig: Path,
    zygote: str,
    pods: Pods,
    federation: Federation,
    api: Api,
    minio: Minio,
    undisturbed: Digests,
    tmp_path: Path,
) -> None:
    pods.faults = {
        text: " ".join(f"{when}:{write}" for write in writes for when in ("before", "after"))
        for text, writes in WRITES.items()
    }
    with SupervisedOperator(zygote, operator_kubeconfig, tmp_path):
        federation.apply(api, minio, rounds={"count": 2, "retries": 5})
        eventually(lambda: federation.status(api).get("phase") in ("Succeeded", "Failed"), LONG)
        ledger = federation.ledger(minio)
        for text, writes in WRITES.items():
            assert len(pods.killed_at(text)) == 2 * len(writes), text
        assert digests(ledger) == undisturbed
        assert verify(ledger).sound
        federation.delete(api)
