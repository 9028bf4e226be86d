"""A PyTorchJob runs the trainer as the task asks and the policy allows, hardened."""

import json
from typing import Any

import pytest

from fedtrain.api.training_task import TrainingTaskSpec
from fedtrain.contracts.tasks import Assignment
from fedtrain.manifests.policy_check import Refusal, judge
from fedtrain.manifests.pytorch_job import PyTorchJobs
from tests.unit.operator.worlds import SETTINGS, policy, task

LAUNCHER = PyTorchJobs(SETTINGS.trainer_image, "Always")


def rendered(compute: dict[str, Any] | None = None, **pods: Any) -> dict[str, Any]:
    body = task(participants=[{"name": "bank-a", "compute": compute or {}}])
    order = TrainingTaskSpec.model_validate(body["spec"])
    here = policy(pods=pods)
    judged = judge(order, here)
    assert isinstance(judged, Assignment)
    return LAUNCHER.render(body, order, judged, here)


def pod(job: dict[str, Any], replica: str = "Master") -> dict[str, Any]:
    return job["spec"]["pytorchReplicaSpecs"][replica]["template"]["spec"]


def container(job: dict[str, Any]) -> dict[str, Any]:
    (found,) = pod(job)["containers"]
    return found


def conditions(*true: str, false: str = "") -> dict[str, Any]:
    held = [{"type": name, "status": "True"} for name in true]
    return {"status": {"conditions": [*held, {"type": false, "status": "False"}]}}


def test_the_trainer_gets_the_task_and_the_participants_own_place_of_the_data() -> None:
    variables = {item["name"]: item["value"] for item in container(rendered())["env"]}
    assignment = Assignment.model_validate(json.loads(variables["FEDTRAIN_ASSIGNMENT"]))
    assert assignment.task.participant == "bank-a"
    assert assignment.binding.data_uri == "/data/tickets.jsonl"


def test_on_one_cpu_or_gpu_the_trainer_runs_alone() -> None:
    for compute in ({}, {"gpusPerNode": 1}):
        job = rendered(compute)
        assert container(job)["command"][:3] == ["python", "-m", "fedtrain_trainer"]
        assert container(job)["imagePullPolicy"] == "Always"
        assert list(job["spec"]["pytorchReplicaSpecs"]) == ["Master"]


def test_several_gpus_of_one_node_need_no_name_service() -> None:
    command = container(rendered({"gpusPerNode": 4}))["command"]
    assert command[:5] == ["torchrun", "--standalone", "--nproc-per-node=4", "-m", "fedtrain_trainer"]


def test_several_nodes_are_a_master_and_workers_that_meet_as_the_training_operator_says() -> None:
    job = rendered({"nodes": 3, "gpusPerNode": 2})
    assert container(job)["command"][:3] == ["torchrun", "-m", "fedtrain_trainer"]
    replicas = job["spec"]["pytorchReplicaSpecs"]
    assert (replicas["Master"]["replicas"], replicas["Worker"]["replicas"]) == (1, 2)
    assert job["spec"]["nprocPerNode"] == "2"


def test_it_runs_once_and_leaves_no_pod_running() -> None:
    job = rendered({"nodes": 2})
    assert {replica["restartPolicy"] for replica in job["spec"]["pytorchReplicaSpecs"].values()} == {"Never"}
    assert job["spec"]["runPolicy"]["cleanPodPolicy"] == "Running"


def test_its_pods_end_by_themselves_after_twice_the_deadline() -> None:
    assert pod(rendered())["activeDeadlineSeconds"] == 4 * 3600


def test_compute_reaches_the_pods() -> None:
    job = rendered({"gpusPerNode": 2, "gpuResource": "amd.com/gpu", "cpu": "4", "memory": "16Gi"})
    resources = container(job)["resources"]
    assert resources["limits"] == {"amd.com/gpu": "2", "memory": "16Gi"}
    assert resources["requests"] == {"amd.com/gpu": "2", "memory": "16Gi", "cpu": "4"}
    assert {"name": "OMP_NUM_THREADS", "value": "2"} in container(job)["env"]


def test_pods_are_hardened_and_have_scratch_space_and_shared_memory() -> None:
    job = rendered()
    security = container(job)["securityContext"]
    assert security["readOnlyRootFilesystem"]
    assert not security["allowPrivilegeEscalation"]
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert pod(job)["securityContext"]["runAsNonRoot"]
    assert pod(job)["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not pod(job)["automountServiceAccountToken"]
    volumes = {volume["name"]: volume["emptyDir"] for volume in pod(job)["volumes"]}
    places = {mount["mountPath"]: volumes[mount["name"]] for mount in container(job)["volumeMounts"]}
    assert places["/dev/shm"] == {"medium": "Memory"}
    assert {"/tmp", "/home/fedtrain"} <= places.keys()


def test_the_policy_is_laid_over_the_pods() -> None:
    job = rendered(
        nodeSelector={"pool": "gpu"},
        tolerations=[{"key": "gpu", "operator": "Exists"}],
        imagePullSecrets=[{"name": "registry"}],
        volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "tickets"}}],
        volumeMounts=[{"name": "data", "mountPath": "/data", "readOnly": True}],
        env=[{"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hub", "key": "token"}}}],
        labels={"kueue.x-k8s.io/queue-name": "research"},
    )
    assert pod(job)["nodeSelector"] == {"pool": "gpu"}
    assert pod(job)["tolerations"] == [{"key": "gpu", "operator": "Exists"}]
    assert pod(job)["imagePullSecrets"] == [{"name": "registry"}]
    assert {"name": "data", "persistentVolumeClaim": {"claimName": "tickets"}} in pod(job)["volumes"]
    assert {"name": "data", "mountPath": "/data", "readOnly": True} in container(job)["volumeMounts"]
    assert container(job)["env"][-1]["valueFrom"]["secretKeyRef"]["key"] == "token"
    template = job["spec"]["pytorchReplicaSpecs"]["Master"]["template"]["metadata"]["labels"]
    for marks in (job["metadata"]["labels"], template):
        assert marks["kueue.x-k8s.io/queue-name"] == "research"


def test_what_fedtrain_sets_is_not_the_policys_to_change() -> None:
    job = rendered(
        env=[{"name": "FEDTRAIN_ASSIGNMENT", "value": "{}"}],
        volumes=[{"name": "scratch", "hostPath": {"path": "/"}}],
        labels={"fedtrain.dev/participant": "bank-b"},
    )
    names = [item["name"] for item in container(job)["env"]]
    assert names.count("FEDTRAIN_ASSIGNMENT") == 1
    assert all("hostPath" not in volume for volume in pod(job)["volumes"])
    assert job["metadata"]["labels"]["fedtrain.dev/participant"] == "bank-a"


@pytest.mark.parametrize(
    ("job", "state"),
    [
        ({}, "Pending"),
        (conditions("Created"), "Pending"),
        (conditions("Created", "Running"), "Running"),
        (conditions("Created", "Succeeded", false="Running"), "Succeeded"),
        (conditions("Failed", "Created", false="Running"), "Failed"),
        (conditions("Failed", "Restarting"), "Failed"),
    ],
)
def test_a_job_has_ended_when_any_condition_says_so(job: dict[str, Any], state: str) -> None:
    assert LAUNCHER.standing(job).state == state


def test_a_task_of_a_newer_contract_is_refused_with_the_way_out() -> None:
    body = task()
    newer = {**body["spec"], "task": {**body["spec"]["task"], "contractVersion": 99, "novelty": True}}
    judged = judge(TrainingTaskSpec.model_validate(newer), policy())
    assert isinstance(judged, Refusal)
    assert (judged.reason, "Update fedtrain at bank-a" in judged.message) == ("NewerContract", True)


def test_a_task_that_needs_an_unknown_feature_is_refused() -> None:
    body = task()
    newer = {**body["spec"], "task": {**body["spec"]["task"], "requiredFeatures": ["secure-sum"]}}
    judged = judge(TrainingTaskSpec.model_validate(newer), policy())
    assert isinstance(judged, Refusal)
    assert "secure-sum" in judged.message


def test_a_data_set_that_the_policy_does_not_map_is_refused_with_those_it_maps() -> None:
    judged = judge(TrainingTaskSpec.model_validate(task()["spec"]), policy(datasets=[{"name": "mail", "uri": "/mail"}]))
    assert isinstance(judged, Refusal)
    assert "'tickets'" in judged.message
    assert "it maps: mail" in judged.message


def test_without_a_policy_nothing_runs() -> None:
    judged = judge(TrainingTaskSpec.model_validate(task()["spec"]), None)
    assert isinstance(judged, Refusal)
    assert judged.reason == "NoPolicy"


def test_the_policys_limit_of_gpu_memory_outranks_what_the_training_asks_for() -> None:
    body = task(participants=[{"name": "bank-a", "compute": {"gpusPerNode": 1, "gpuMemory": "40Gi"}}])
    judged = judge(TrainingTaskSpec.model_validate(body["spec"]), policy(limits={"gpuMemory": "20Gi"}))
    assert isinstance(judged, Assignment)
    assert judged.binding.gpu_memory == 20 * 2**30
