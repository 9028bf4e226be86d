"""A PyTorchJob runs the trainer as the task asks and the policy allows, hardened."""

import json
import re
from typing import Any, get_args

import pytest

from fedtrain.api.rules.pod_volumes import RESERVED_NAMES, RESERVED_PATHS
from fedtrain.api.training_task import TrainingTaskSpec
from fedtrain.contracts.places import PlaceName
from fedtrain.contracts.tasks import Assignment
from fedtrain.manifests.mounted_secrets import NOISE
from fedtrain.manifests.pod import hardened
from fedtrain.manifests.policy_check import Refusal, judge
from fedtrain.manifests.pytorch_job import PyTorchJobs
from fedtrain.manifests.render_digest import RENDERED
from tests.support import openshift
from tests.support.pod_environment import environment_of
from tests.unit.operator.worlds import SETTINGS, policy, task

LAUNCHER = PyTorchJobs(SETTINGS.trainer_image, "Always")


def rendered(
    compute: dict[str, Any] | None = None, *, rows: str = "/data/tickets.jsonl", **pods: Any
) -> dict[str, Any]:
    body = task(participants=[{"name": "bank-a", "compute": compute or {}}])
    order = TrainingTaskSpec.model_validate(body["spec"])
    here = policy(pods=pods, datasets=[{"name": "tickets", "uri": rows}])
    judged = judge(order, here, "trainer:1")
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
    variables = environment_of(container(rendered()))
    assignment = Assignment.model_validate(json.loads(variables["FEDTRAIN_ASSIGNMENT"]))
    assert assignment.task.participant == "bank-a"
    assert assignment.binding.data_uris == ("/data/tickets.jsonl",)


def test_kubernetes_expands_the_variables_of_the_policy_and_not_those_of_fedtrain() -> None:
    cache = {"name": "CACHE", "value": "$(HOME)/cache"}
    job = rendered(rows="/data/$(HOME)/$$.jsonl", env=[cache])
    assert cache in container(job)["env"]
    variables = environment_of(container(job))
    assert variables["CACHE"] == f"{variables['HOME']}/cache"
    assignment = Assignment.model_validate_json(variables["FEDTRAIN_ASSIGNMENT"])
    assert assignment.binding.data_uris == ("/data/$(HOME)/$$.jsonl",)


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


def test_request_and_limit_what_compute_sets() -> None:
    job = rendered({"gpusPerNode": 2, "gpuResource": "amd.com/gpu", "cpu": "4", "memory": "16Gi"})
    resources = container(job)["resources"]
    assert resources["limits"] == resources["requests"] == {"amd.com/gpu": "2", "memory": "16Gi", "cpu": "4"}
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
    volumes = {volume["name"]: volume["emptyDir"] for volume in pod(job)["volumes"] if "emptyDir" in volume}
    mounts = {mount["name"]: mount["mountPath"] for mount in container(job)["volumeMounts"]}
    places = {mounts[name]: volume for name, volume in volumes.items()}
    assert places["/dev/shm"] == {"medium": "Memory"}
    assert {"/tmp", "/home/fedtrain"} <= places.keys()


def test_apply_the_settings_of_the_policy_to_the_pods() -> None:
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


SCHEDULING: dict[str, Any] = {
    "serviceAccountName": "trainer",
    "priorityClassName": "research",
    "runtimeClassName": "nvidia",
    "schedulerName": "volcano",
    "affinity": {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}]
            }
        }
    },
    "topologySpreadConstraints": [
        {
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {"app": "fedtrain"}},
        }
    ],
}


def test_pass_scheduling_settings_of_the_policy_on_as_they_are() -> None:
    for replica in ("Master", "Worker"):
        found = pod(rendered({"nodes": 2}, **SCHEDULING), replica)
        assert {name: found[name] for name in SCHEDULING} == SCHEDULING


def test_annotate_jobs_and_pods() -> None:
    job = rendered(annotations={"team": "research"})
    template = job["spec"]["pytorchReplicaSpecs"]["Master"]["template"]["metadata"]["annotations"]
    assert template["team"] == job["metadata"]["annotations"]["team"] == "research"
    assert job["metadata"]["annotations"].keys() > {RENDERED}


def test_keep_sidecars_out_of_task_pods() -> None:
    metadata = rendered()["spec"]["pytorchReplicaSpecs"]["Master"]["template"]["metadata"]
    assert metadata["labels"]["sidecar.istio.io/inject"] == "false"
    assert metadata["annotations"]["sidecar.istio.io/inject"] == "false"


def test_request_and_limit_cpu_and_memory_by_default() -> None:
    resources = container(rendered())["resources"]
    assert resources["requests"].keys() == resources["limits"].keys() == {"cpu", "memory"}


@pytest.mark.parametrize("ids", [{}, {"runAsUser": None, "runAsGroup": None, "fsGroup": None}])
def test_leave_user_ids_to_the_cluster_where_the_policy_unsets_them(ids: dict[str, None]) -> None:
    assert pod(rendered())["securityContext"]["runAsUser"] == 65532
    unset = pod(rendered(securityContext=ids))
    assert unset["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert openshift.faults(unset) == []
    assert openshift.faults(pod(rendered())) == ["fsGroup", "runAsGroup", "runAsUser"]


def test_apply_the_user_ids_of_the_policy() -> None:
    security = pod(rendered(securityContext={"runAsUser": 1000, "supplementalGroups": [4, 5]}))["securityContext"]
    assert (security["runAsUser"], security["supplementalGroups"]) == (1000, [4, 5])
    assert "fsGroup" not in security
    assert security["runAsNonRoot"]


def test_open_the_root_filesystem_where_the_policy_says_so_and_nothing_else() -> None:
    security = container(rendered(containerSecurityContext={"readOnlyRootFilesystem": False}))["securityContext"]
    assert security == {
        "readOnlyRootFilesystem": False,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }


def test_name_the_user_where_its_id_has_no_entry_in_passwd() -> None:
    variables = {item["name"]: item.get("value") for item in container(rendered())["env"]}
    assert variables["USER"] == variables["LOGNAME"] == "fedtrain"
    places = {mount["mountPath"] for mount in container(rendered())["volumeMounts"]}
    assert variables["HOME"] in places
    assert variables["TORCHINDUCTOR_CACHE_DIR"] == "/tmp/torchinductor"


def test_mount_a_certificate_authority_from_a_config_map_or_a_secret() -> None:
    volumes = [{"name": "ca", "configMap": {"name": "ca"}}, {"name": "own-ca", "secret": {"secretName": "own-ca"}}]
    assert pod(rendered(volumes=volumes))["volumes"][-2:] == volumes


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
    judged = judge(TrainingTaskSpec.model_validate(newer), policy(), "trainer:1")
    assert isinstance(judged, Refusal)
    assert (judged.reason, "Update fedtrain at bank-a" in judged.message) == ("NewerContract", True)


def test_a_task_that_needs_an_unknown_feature_is_refused() -> None:
    body = task()
    newer = {**body["spec"], "task": {**body["spec"]["task"], "requiredFeatures": ["secure-sum"]}}
    judged = judge(TrainingTaskSpec.model_validate(newer), policy(), "trainer:1")
    assert isinstance(judged, Refusal)
    assert "secure-sum" in judged.message


def test_a_data_set_that_the_policy_does_not_map_is_refused_with_those_it_maps() -> None:
    judged = judge(
        TrainingTaskSpec.model_validate(task()["spec"]),
        policy(datasets=[{"name": "mail", "uri": "/mail"}]),
        "trainer:1",
    )
    assert isinstance(judged, Refusal)
    assert "'tickets'" in judged.message
    assert "it has: mail" in judged.message


def test_without_a_policy_nothing_runs() -> None:
    judged = judge(TrainingTaskSpec.model_validate(task()["spec"]), None, "trainer:1")
    assert isinstance(judged, Refusal)
    assert judged.reason == "NoPolicy"


@pytest.mark.parametrize(("asked", "allowed"), [("40Gi", "20Gi"), ("20Gi", "40Gi"), ("20Gi", "20Gi")])
def test_gpu_memory_is_the_minimum_of_policy_and_training(asked: str, allowed: str) -> None:
    body = task(participants=[{"name": "bank-a", "compute": {"gpusPerNode": 1, "gpuMemory": asked}}])
    judged = judge(TrainingTaskSpec.model_validate(body["spec"]), policy(limits={"gpuMemory": allowed}), "trainer:1")
    assert isinstance(judged, Assignment)
    assert judged.binding.gpu_memory == 20 * 2**30


def test_policies_cannot_use_the_names_and_paths_of_the_volumes_that_fedtrain_mounts() -> None:
    places = (*get_args(PlaceName), "data-2", NOISE)
    whole = hardened(
        container="main",
        image="trainer",
        pull_policy="Always",
        command=(),
        assignment="",
        credentials=dict.fromkeys(places, "secret"),
        seconds=1,
        shared_memory=True,
        transfer="uid",
        spool="claim",
    )
    (main,) = whole["containers"]
    assert [volume for volume in whole["volumes"] if not re.search(RESERVED_NAMES, volume["name"])] == []
    assert [mount for mount in main["volumeMounts"] if not re.search(RESERVED_PATHS, mount["mountPath"])] == []
    assert len(whole["volumes"]) == 10
