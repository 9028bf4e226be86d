"""Operators and trainers die, and tasks, jobs and pods are deleted by hand: the training ends with the same digests."""

import pytest

from hack.cluster.api import Api
from hack.cluster.eventually import eventually
from hack.cluster.s3_server import S3Server
from tests.controlplane.pods import Pods, ended
from tests.controlplane.training import JOBS, TASKS, Digests, Federation, attempts, begun
from tests.support.operating import Operator


def test_operators_killed_and_objects_deleted_by_hand_change_no_digest(
    operator: Operator, pods: Pods, federation: Federation, api: Api, s3_server: S3Server, undisturbed: Digests
) -> None:
    begun(federation, pods, api, s3_server)
    operator.kill()
    task = federation.at_banks(api, TASKS, "-train-")[0]
    api.delete(TASKS, task["metadata"]["name"], task["metadata"]["namespace"])
    operator.start()
    pods.held = {"-aggregate-"}
    eventually(lambda: api.list(JOBS, federation.namespace, "fedtrain.dev/kind=Aggregate"), often=True)
    operator.kill()
    (job, *_) = api.list(JOBS, federation.namespace, "fedtrain.dev/kind=Aggregate")
    api.delete(JOBS, job["metadata"]["name"], federation.namespace)
    pods.held = set()
    operator.start()
    eventually(lambda: federation.status(api).get("round") == 2)
    operator.kill()
    operator.start()
    assert attempts(federation.succeeded_with(undisturbed, api, s3_server)) == []


@pytest.mark.usefixtures("operator")
def test_a_trainer_that_dies_is_retried_and_a_deleted_pod_is_recreated(
    pods: Pods, federation: Federation, api: Api, s3_server: S3Server, undisturbed: Digests
) -> None:
    dead, gone = begun(federation, pods, api, s3_server)
    api.patch("v1/pods", dead["metadata"]["name"], {"status": ended(dead, 137)}, "at-bank-a", "status")
    api.delete("v1/pods", gone["metadata"]["name"], "at-bank-b")
    eventually(lambda: federation.at_banks(api, TASKS, "-1-train-bank-a-2-"))
    pods.held = set()
    ledger = federation.succeeded_with(undisturbed, api, s3_server)
    assert attempts(ledger) == ["rounds/0001/attempts/bank-a-2.json"]
