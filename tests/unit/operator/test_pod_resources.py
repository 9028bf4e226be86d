"""Every pod has requests and limits of CPU and memory, within the limits of its owner."""

from typing import Any

import pytest

from fedtrain.api.base import smallest
from fedtrain.api.pods import DEFAULT_RESOURCES
from fedtrain.api.training_task import TrainingTaskSpec
from fedtrain.contracts.tasks import Assignment
from fedtrain.manifests.policy_check import Refusal, judge
from fedtrain.manifests.pytorch_job import PyTorchJobs
from tests.unit.operator.worlds import policy, task

REQUESTS, LIMITS = DEFAULT_RESOURCES.requests, DEFAULT_RESOURCES.limits


def judged(compute: dict[str, Any], *, uploads: bool = False, **changes: Any) -> dict[str, Any] | Refusal:
    """The container of the pod, or the policy's refusal."""
    body = task(participants=[{"name": "bank-a", "compute": compute}])
    order, owner = TrainingTaskSpec.model_validate(body["spec"]), policy(**changes)
    answer = judge(order, owner, "trainer:1")
    if isinstance(answer, Refusal):
        return answer
    assert isinstance(answer, Assignment)
    job = PyTorchJobs("trainer:1", "Always").render(body, order, answer, owner, uploads=uploads)
    (container,) = job["spec"]["pytorchReplicaSpecs"]["Master"]["template"]["spec"]["containers"]
    return container


def resources(
    compute: dict[str, Any] | None = None, *, uploads: bool = False, **changes: Any
) -> tuple[dict[str, str], dict[str, str]]:
    """The requests and limits of the pod."""
    container = judged(compute or {}, uploads=uploads, **changes)
    assert isinstance(container, dict)
    return container["resources"]["requests"], container["resources"]["limits"]


def own(**sides: dict[str, str]) -> dict[str, Any]:
    return {"pods": {"resources": sides}}


def test_the_memory_limit_of_the_policy_caps_pods_whose_training_sets_none() -> None:
    requests, limits = resources(limits={"memory": "8Gi"})
    assert (requests, limits) == (REQUESTS, {**LIMITS, "memory": "8Gi"})
    requests, limits = resources(limits={"memory": "256Mi"})
    assert requests["memory"] == limits["memory"] == "256Mi"
    assert resources(limits={"memory": "64Gi"})[1] == LIMITS


def test_limits_of_the_policys_pods_cap_the_request_of_a_training() -> None:
    asked = {"cpu": "64", "memory": "64Gi"}
    requests, limits = resources(asked, **own(limits={"cpu": "2", "memory": "4Gi"}))
    assert requests == limits == {"cpu": "2", "memory": "4Gi"}
    requests, limits = resources({"cpu": "500m"}, **own(limits={"cpu": "2"}))
    assert requests["cpu"] == limits["cpu"] == "500m"


def test_a_training_may_ask_for_more_than_the_defaults() -> None:
    requests, limits = resources({"cpu": "64", "memory": "64Gi"})
    assert requests == limits == {"cpu": "64", "memory": "64Gi"}


def test_the_smallest_of_all_limits_applies() -> None:
    requests, limits = resources({"memory": "6Gi"}, limits={"memory": "8Gi"}, **own(limits={"memory": "4Gi"}))
    assert requests["memory"] == limits["memory"] == "4Gi"
    assert resources(limits={"memory": "3Gi"}, **own(limits={"memory": "4Gi"}))[1]["memory"] == "3Gi"


def test_processes_have_the_threads_of_the_cores_they_get() -> None:
    container = judged({"cpu": "64"}, **own(limits={"cpu": "2"}))
    assert isinstance(container, dict)
    assert {"name": "OMP_NUM_THREADS", "value": "2"} in container["env"]


@pytest.mark.parametrize("compute", [{}, {"cpu": "2"}])
def test_threads_leave_their_cores_while_they_wait_and_their_number_changes_no_bytes(compute: dict[str, Any]) -> None:
    container = judged(compute)
    assert isinstance(container, dict)
    assert {"name": "OMP_WAIT_POLICY", "value": "PASSIVE"} in container["env"]
    assert {"name": "MKL_CBWR", "value": "AUTO,STRICT"} in container["env"]


@pytest.mark.parametrize(
    ("sides", "expected"),
    [
        ({}, (REQUESTS, LIMITS)),
        ({"requests": {"cpu": "1"}}, ({**REQUESTS, "cpu": "1"}, LIMITS)),
        ({"limits": {"memory": "8Gi"}}, (REQUESTS, {**LIMITS, "memory": "8Gi"})),
        ({"limits": {"memory": "128Mi"}}, ({**REQUESTS, "memory": "128Mi"}, {**LIMITS, "memory": "128Mi"})),
        ({"requests": {"memory": "64Gi"}}, ({**REQUESTS, "memory": "64Gi"}, {**LIMITS, "memory": "64Gi"})),
        (
            {"requests": {"memory": "64Gi"}, "limits": {"memory": "1Gi"}},
            ({**REQUESTS, "memory": "1Gi"}, {**LIMITS, "memory": "1Gi"}),
        ),
        ({"limits": {"ephemeral-storage": "20Gi"}}, (REQUESTS, {**LIMITS, "ephemeral-storage": "20Gi"})),
    ],
)
def test_missing_requests_and_limits_come_from_the_defaults(sides: Any, expected: Any) -> None:
    assert resources(**own(**sides)) == expected


def test_gpus_beyond_the_limits_of_the_policys_pods_are_refused() -> None:
    refusal = judged({"gpusPerNode": 4}, **own(limits={"nvidia.com/gpu": "2"}))
    assert isinstance(refusal, Refusal)
    assert refusal.rule == "pods.resources.limits"
    assert "the training asks for 4 nvidia.com/gpu per node; the limit is 2. In the" in refusal.message
    assert resources({"gpusPerNode": 2}, **own(limits={"nvidia.com/gpu": "2"}))[1]["nvidia.com/gpu"] == "2"


GPU_LIMITS = own(limits={"nvidia.com/gpu": "8", "nvidia.com/mig-1g.5gb": "4", "amd.com/gpu": "2"})


def test_limits_of_gpus_give_none_to_a_pod_whose_training_asks_for_none() -> None:
    assert resources(**GPU_LIMITS) == (REQUESTS, LIMITS)
    assert resources({"gpusPerNode": 2}, uploads=True, **GPU_LIMITS) == (REQUESTS, LIMITS)


def test_a_pod_gets_the_gpus_that_its_training_asks_for_and_no_other() -> None:
    requests, limits = resources({"gpusPerNode": 1, "gpuResource": "amd.com/gpu"}, **GPU_LIMITS)
    assert (requests, limits) == ({**REQUESTS, "amd.com/gpu": "1"}, {**LIMITS, "amd.com/gpu": "1"})


@pytest.mark.parametrize("gpu", ["nvidia.com/gpu", "amd.com/gpu"])
def test_requests_of_the_trainings_gpu_give_none_to_a_pod_without_gpus(gpu: str) -> None:
    one = own(requests={gpu: "1"}, limits={gpu: "1"})
    assert resources({"gpuResource": gpu}, **one) == (REQUESTS, LIMITS)
    assert resources({"gpuResource": gpu, "gpusPerNode": 1}, uploads=True, **one) == (REQUESTS, LIMITS)


def test_a_device_with_a_request_and_a_limit_is_given_to_every_pod() -> None:
    device = {"rdma/hca": "1"}
    expected = ({**REQUESTS, **device}, {**LIMITS, **device})
    assert resources(**own(requests=device, limits=device)) == expected
    assert resources(**own(limits=device)) == (REQUESTS, LIMITS)


def test_the_smallest_of_limits_in_any_notation() -> None:
    assert smallest("4Gi", None, "4G", "1e12") == "4G"
    assert smallest("1500m", "2", "1.6") == "1500m"
    assert smallest(3, None, 2) == 2
    assert smallest(None, None) is None
