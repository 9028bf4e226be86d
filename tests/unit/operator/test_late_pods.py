"""Pods that can never start are reported, whatever the reason. The pods and events are as API servers show them."""

import asyncio
from typing import Any

import pytest
from fedtrain_operator.coordinator.pending_pods import why_hub_waits
from fedtrain_operator.kube.late_pods import LONGEST_START_SECONDS, late_pods, missing_pods
from fedtrain_operator.kube.pod_start import unstartable, why_pods_wait

from fedtrain.api.participants import Compute
from fedtrain.manifests import labels
from fedtrain.manifests.kinds import PYTORCH_JOB, Json, ref
from fedtrain.rounds.snapshot import TaskKey
from tests.unit.operator.api_server import ApiServer
from tests.unit.operator.worlds import run, spec

BOUND = [{"type": "PodScheduled", "status": "True"}]
ASK = "Ask the administrator of bank-b's cluster"
CREATING = {"name": "pytorch", "image": "trainer:1", "state": {"waiting": {"reason": "ContainerCreating"}}}
MULTI_ATTACH = 'Multi-Attach error for volume "pvc-7" Volume is already exclusively attached to one node'


def pod(spec: Json | None = None, name: str = "small-master-0", **status: Any) -> Json:
    metadata = {"name": name, "namespace": "at-bank-b", "uid": f"uid-{name}"}
    return {"metadata": metadata, "spec": spec or {}, "status": {"phase": "Pending", "qosClass": "Burstable", **status}}


def bound(*containers: Json, init: Json | None = None, name: str = "small-master-0") -> Json:
    inits = {"initContainerStatuses": [init]} if init else {}
    running = {"containerStatuses": list(containers)} if containers else {}
    return pod({"nodeName": "node-3"}, name, conditions=BOUND, **running, **inits)


def warning(message: str, reason: str = "FailedAttachVolume", **counted: Any) -> Json:
    return {"type": "Warning", "reason": reason, "message": message, **counted}


GATED = [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]


@pytest.mark.parametrize(
    ("waits", "events", "words"),
    [
        (
            pod({"schedulerName": "volcano"}),
            [],
            "no scheduler has taken it. Check that the scheduler volcano exists and runs",
        ),
        (
            pod({"schedulingGates": [{"name": "kueue.x-k8s.io/admission"}]}, conditions=GATED),
            [],
            f"its scheduling gates are not removed: kueue.x-k8s.io/admission. {ASK}",
        ),
        (bound(CREATING), [warning(MULTI_ATTACH, count=1)], f"{MULTI_ATTACH}. {ASK}"),
        (bound(CREATING), [warning("Check that pvc-7 exists.", count=1)], f"Check that pvc-7 exists. {ASK}"),
        (bound(), [], "the kubelet of node node-3 has not reported it. Check that the node is ready"),
        (
            bound(CREATING),
            [],
            f"its container waits on node node-3 (ContainerCreating), and no event gives a reason. {ASK}",
        ),
        (
            bound(CREATING, init={"name": "init-pytorch", "state": {"running": {}}}),
            [],
            f"its init container init-pytorch is still running. {ASK}",
        ),
    ],
    ids=[
        "unknown scheduler",
        "gates",
        "Multi-Attach",
        "words of a fix",
        "silent kubelet",
        "no reason",
        "init container",
    ],
)
def test_a_pod_that_does_not_run_in_time_has_the_reason_that_is_known(
    waits: Json, events: list[Json], words: str
) -> None:
    found = {waits["metadata"]["name"]: events}
    assert late_pods("bank-b", [waits], found) == f"bank-b's pod has not started: {words}"


def test_a_pod_that_runs_or_fetches_its_image_is_not_late() -> None:
    running = {**CREATING, "state": {"running": {"startedAt": "2025-06-01T12:00:00Z"}}}
    assert late_pods("bank-b", [bound(running), pod(phase="Succeeded")], {}) is None
    pulling = {"small-master-0": [{"type": "Normal", "reason": "Pulling", "message": "Pulling image"}]}
    assert late_pods("bank-b", [bound(CREATING)], pulling) is None


def test_a_pod_that_waits_for_another_one_is_not_the_reason() -> None:
    worker = bound(CREATING, init={"name": "init-pytorch", "state": {"running": {}}}, name="small-worker-0")
    assert "volcano" in str(late_pods("bank-b", [worker, pod({"schedulerName": "volcano"})], {}))


def test_a_container_that_crashes_again_and_again_is_reported_at_once_without_its_output() -> None:
    last = {"terminated": {"exitCode": 7, "reason": "Error", "message": "a row"}}
    backoff = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container"}}
    crashing = bound(CREATING, init={"name": "istio-init", "image": "i", "state": backoff, "lastState": last})
    words = "bank-b's pod can't start: its container istio-init fails again and again (exit code 7)"
    words += ". Read its log with `kubectl logs small-master-0 --container istio-init`"
    assert unstartable("bank-b", [crashing], {}) == words


def test_events_of_the_newer_api_count_in_their_series() -> None:
    waits, newer = bound(CREATING), warning("no such volume", "FailedMount", count=None, series={"count": 5})
    found = str(unstartable("bank-b", [waits], {"small-master-0": [newer]}))
    assert found.startswith("bank-b's pod can't start: no such volume. Correct `pods` of bank-b's ParticipantPolicy")


def late(pods: list[Json], job: Json, **changes: bool) -> str | None:
    server = ApiServer()
    job = {"metadata": {"name": "small", "namespace": "at-bank-b", "uid": "uid-small"}, **job}
    waits = why_pods_wait(server, "bank-b", Compute(), PYTORCH_JOB, job, pods, changes.get("late", True))
    found = asyncio.run(waits)
    return found.message if found else None


def test_nothing_is_late_before_its_time() -> None:
    assert late([pod({"schedulerName": "volcano"})], {}, late=False) is None
    assert "volcano" in str(late([pod({"schedulerName": "volcano"})], {}))


@pytest.mark.parametrize(
    ("kind", "job", "words"),
    [
        ("PyTorchJob", {}, "bank-b's PyTorchJob has no status. Check that the training operator runs"),
        ("Job", {"status": {}}, "bank-b's Job has no status. Check that the cluster's controller manager runs"),
        (
            "Job",
            {"spec": {"suspend": True}, "status": {}},
            "bank-b's Job is suspended: by a queue. It starts by itself once the queue admits it",
        ),
        (
            "Job",
            {"status": {"conditions": [{"type": "Suspended", "status": "True", "message": "Job suspended"}]}},
            "bank-b's Job is suspended: Job suspended. It starts by itself once the queue admits it",
        ),
        (
            "Job",
            {"status": {"startTime": "2025-06-01T12:00:00Z"}},
            "bank-b's Job has 0 of 1 pod, and no event gives a reason. "
            "Read the log of the cluster's controller manager",
        ),
    ],
)
def test_a_job_without_pods_says_why(kind: str, job: Json, words: str) -> None:
    assert missing_pods("bank-b", kind, 1, job, []) == words


def test_a_job_of_the_hub_that_a_queue_suspends_is_reported_once_it_is_late() -> None:
    own = labels.of_task(run(), TaskKey(0, "Initialise", "_initialise", 1))
    created = "1970-01-01T00:16:40Z"
    metadata = {"name": "small", "namespace": "hub", "uid": "uid-small", "labels": own, "creationTimestamp": created}
    job = {"metadata": metadata, "spec": {"suspend": True}, "status": {}}

    def waits(seconds: float) -> Any:
        return asyncio.run(why_hub_waits(ApiServer(), spec(), run().run_id, [(job, [])], 1000 + seconds))

    assert waits(LONGEST_START_SECONDS - 1) == {}
    assert (
        waits(LONGEST_START_SECONDS)[ref(job)].message
        == "the hub's Job is suspended: by a queue. It starts by itself once the queue admits it"
    )
