"""The hub's Jobs: which image, which order, whose credentials."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from fedtrain_operator.coordinator.pending_pods import pod_conditions, why_hub_waits
from fedtrain_operator.kube.client import Cluster

from fedtrain.api.pods import DEFAULT_RESOURCES, Pods, Resources
from fedtrain.contracts.tasks import Assignment
from fedtrain.manifests.hub_job import hub_job
from fedtrain.manifests.kinds import ref
from fedtrain.manifests.settings import Settings, SettingsWrong
from fedtrain.manifests.training_task import plain
from fedtrain.rounds import orders
from fedtrain.rounds.decision import AggregateOrder
from fedtrain.rounds.snapshot import TaskKey
from tests.support import openshift
from tests.support.pod_environment import environment_of
from tests.unit.operator.test_pytorch_jobs import SCHEDULING
from tests.unit.operator.worlds import SETTINGS, run, spec

NOBODY = Cluster(lambda: pytest.fail("nobody is asked"))
HUB = {"hub": {"data": {"uri": "s3://bucket/test.jsonl"}}}
AGGREGATE = TaskKey(3, "Aggregate", "_aggregate-1", 1)
EVALUATE = TaskKey(3, "Evaluate", "_evaluate-1", 1)


def container(job: dict[str, Any]) -> dict[str, Any]:
    return job["spec"]["template"]["spec"]["containers"][0]


def assignment(job: dict[str, Any]) -> str:
    return environment_of(container(job))["FEDTRAIN_ASSIGNMENT"]


def test_aggregation_runs_in_the_hubs_image_with_its_order_in_the_environment() -> None:
    job = hub_job(spec(), run(), AGGREGATE, AggregateOrder(3, 1), SETTINGS, "uid")
    assert container(job)["image"] == SETTINGS.hub_image
    assert container(job)["command"][:3] == ["python", "-m", "fedtrain_aggregator"]
    order = json.loads(assignment(job))
    assert (order["namespace"], order["name"], order["round"], order["k"]) == ("hub", "tickets", 3, 1)
    assert order["storage"]["s3"]["bucket"] == "runs"


@pytest.mark.parametrize("pattern", [r"(\d+)\$$", r"\$(HOME)", "(a)$$$"])
def test_dollar_signs_of_a_pattern_reach_the_evaluation_as_they_are(pattern: str) -> None:
    metric = {"name": "amount", "type": "ExactMatch", "exactMatch": {"pattern": pattern}}
    whole = spec(evaluation={"hub": {**HUB["hub"], "metrics": [metric]}})
    task = orders.evaluate_task(whole, run(), EVALUATE, 1, "blake3:" + "0" * 64, "blake3:" + "1" * 64, None)
    job = hub_job(whole, run(), EVALUATE, task, SETTINGS, "uid")
    assert Assignment.model_validate_json(assignment(job)).task == task


def test_nodes_fetch_each_image_when_its_owner_says() -> None:
    settings = replace(SETTINGS, trainer_pull_policy="Never", hub_pull_policy="Always")
    aggregate = hub_job(spec(), run(), AGGREGATE, AggregateOrder(3, 1), settings, "uid")
    task = orders.evaluate_task(
        spec(evaluation=HUB), run(), EVALUATE, 1, "blake3:" + "0" * 64, "blake3:" + "1" * 64, None
    )
    evaluate = hub_job(spec(evaluation=HUB), run(), EVALUATE, task, settings, "uid")
    assert container(aggregate)["imagePullPolicy"] == "Always"
    assert container(evaluate)["imagePullPolicy"] == "Never"


def test_evaluation_runs_in_the_trainers_image_on_the_hubs_data() -> None:
    whole = spec(evaluation=HUB)
    task = orders.evaluate_task(whole, run(), EVALUATE, 1, "blake3:" + "0" * 64, "blake3:" + "1" * 64, None)
    job = hub_job(whole, run(), EVALUATE, task, SETTINGS, "uid")
    assert container(job)["image"] == SETTINGS.trainer_image
    read = Assignment.model_validate_json(assignment(job))
    assert read.task == task
    assert read.binding.data_uris == ("s3://bucket/test.jsonl",)


def test_the_initial_adapter_is_bound_to_its_path() -> None:
    initial = {"initialFrom": {"uri": "s3://bucket/adapter", "digest": "blake3:" + "0" * 64}}
    whole = spec(model={"base": "s3://models/base", "adapter": initial}, evaluation=HUB)
    key = TaskKey(0, "Initialise", "_initialise", 1)
    job = hub_job(whole, run(), key, orders.initialise_task(whole, run(), key), SETTINGS, "uid")
    read = Assignment.model_validate_json(assignment(job))
    assert read.binding.initial_path == "s3://bucket/adapter"
    assert read.binding.data_uris == ()


def test_a_job_runs_one_pod_once_and_goes_with_its_training() -> None:
    job = hub_job(spec(), run(), AGGREGATE, AggregateOrder(3, 1), SETTINGS, "uid")
    assert job["spec"]["backoffLimit"] == 0
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"
    (owner,) = job["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"]) == ("FederatedTraining", "tickets", "uid")


def test_its_pod_ends_by_itself_after_twice_the_deadline() -> None:
    whole = spec(rounds={"count": 2, "deadline": "90s"})
    job = hub_job(whole, run(), AGGREGATE, AggregateOrder(3, 1), SETTINGS, "uid")
    assert job["spec"]["template"]["spec"]["activeDeadlineSeconds"] == 180


def secrets(job: dict[str, Any]) -> dict[str, str]:
    """Names of the mounted Secrets by mount path. No Secret fills the environment, which all places share."""
    assert "envFrom" not in container(job)
    mounts = {mount["name"]: mount["mountPath"] for mount in container(job)["volumeMounts"]}
    volumes = job["spec"]["template"]["spec"]["volumes"]
    return {mounts[volume["name"]]: volume["secret"]["secretName"] for volume in volumes if "secret" in volume}


def test_the_aggregator_mounts_the_secret_of_the_ledger_only() -> None:
    whole = spec(model={"base": "s3://models/base", "s3": {"credentialsSecretRef": {"name": "models"}}})
    job = hub_job(whole, run(), AGGREGATE, AggregateOrder(3, 1), SETTINGS, "uid")
    assert secrets(job) == {"/var/run/fedtrain/ledger": "bucket-keys"}
    assert "credentials" not in assignment(job)
    without = spec(storage={"type": "S3", "s3": {"bucket": "runs"}})
    assert secrets(hub_job(without, run(), AGGREGATE, AggregateOrder(3, 1), SETTINGS, "uid")) == {}


def test_an_evaluation_mounts_the_secret_of_each_place() -> None:
    data = {"uri": "s3://held-out/rows.jsonl", "s3": {"credentialsSecretRef": {"name": "held-out"}}}
    whole = spec(
        model={"base": "s3://models/base", "s3": {"credentialsSecretRef": {"name": "models"}}},
        evaluation={"hub": {"data": data}},
    )
    task = orders.evaluate_task(whole, run(), EVALUATE, 1, "blake3:" + "0" * 64, "blake3:" + "1" * 64, None)
    assert secrets(hub_job(whole, run(), EVALUATE, task, SETTINGS, "uid")) == {
        "/var/run/fedtrain/ledger": "bucket-keys",
        "/var/run/fedtrain/base": "models",
        "/var/run/fedtrain/data": "held-out",
    }
    assert "credentialsSecretRef" not in task.model_dump_json(by_alias=True, exclude_none=True)


def evaluation(settings: Settings = SETTINGS, **compute: Any) -> dict[str, Any]:
    whole = spec(evaluation={"hub": {**HUB["hub"], "compute": compute}})
    task = orders.evaluate_task(whole, run(), EVALUATE, 1, "blake3:" + "0" * 64, "blake3:" + "1" * 64, None)
    return hub_job(whole, run(), EVALUATE, task, settings, "uid")


def test_give_evaluation_the_compute_of_the_training() -> None:
    job = evaluation(gpusPerNode=2, memory="16Gi", cpu="4")
    assert container(job)["resources"] == {
        "requests": {"nvidia.com/gpu": "2", "memory": "16Gi", "cpu": "4"},
        "limits": {"nvidia.com/gpu": "2", "memory": "16Gi", "cpu": "4"},
    }
    assert container(job)["command"][:5] == ["torchrun", "--standalone", "--nproc-per-node=2", "-m", "fedtrain_trainer"]


def test_cap_evaluation_at_the_limits_of_hub_pods() -> None:
    settings = replace(SETTINGS, hub_pods=Pods(resources=Resources(limits={"cpu": "2", "memory": "8Gi"})))
    capped = {"cpu": "2", "memory": "8Gi"}
    assert container(evaluation(settings, memory="16Gi", cpu="4"))["resources"] == {
        "requests": capped,
        "limits": capped,
    }


def test_give_initialisation_the_memory_of_evaluation_and_no_gpu() -> None:
    whole = spec(evaluation={"hub": {**HUB["hub"], "compute": {"gpusPerNode": 2, "memory": "16Gi"}}})
    key = TaskKey(0, "Initialise", "_initialise", 1)
    job = hub_job(whole, run(), key, orders.initialise_task(whole, run(), key), SETTINGS, "uid")
    default = DEFAULT_RESOURCES
    assert container(job)["resources"] == {
        "requests": {"cpu": default.requests["cpu"], "memory": "16Gi"},
        "limits": {"cpu": default.limits["cpu"], "memory": "16Gi"},
    }
    assert container(job)["command"][0] == "python"


def test_gpu_limits_of_hub_pods_give_none_to_jobs_that_ask_for_none() -> None:
    settings = replace(SETTINGS, hub_pods=Pods(resources=Resources(limits={"nvidia.com/gpu": "8"})))
    initialise = TaskKey(0, "Initialise", "_initialise", 1)
    for key, order in (
        (AGGREGATE, AggregateOrder(3, 1)),
        (initialise, orders.initialise_task(spec(), run(), initialise)),
    ):
        job = hub_job(spec(), run(), key, order, settings, "uid")
        assert container(job)["resources"] == plain(DEFAULT_RESOURCES)
    assert container(evaluation(settings, gpusPerNode=2))["resources"]["limits"]["nvidia.com/gpu"] == "2"


def test_apply_the_settings_of_hub_pods_to_every_job() -> None:
    hub = {
        "nodeSelector": {"pool": "hub"},
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "imagePullSecrets": [{"name": "registry"}],
        "volumes": [{"name": "test", "persistentVolumeClaim": {"claimName": "test-rows"}}],
        "volumeMounts": [{"name": "test", "mountPath": "/test", "readOnly": True}],
        "env": [{"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hf", "key": "token"}}}],
        "labels": {"kueue.x-k8s.io/queue-name": "hub", "fedtrain.dev/run": "another"},
        "resources": {"requests": {"cpu": "500m"}},
    }
    settings = replace(SETTINGS, hub_pods=Pods.model_validate(hub))
    aggregate = hub_job(spec(), run(), AGGREGATE, AggregateOrder(3, 1), settings, "uid")
    for job in (aggregate, evaluation(settings)):
        pod = job["spec"]["template"]["spec"]
        assert (pod["nodeSelector"], pod["imagePullSecrets"]) == (hub["nodeSelector"], hub["imagePullSecrets"])
        assert pod["tolerations"] == hub["tolerations"]
        assert {"name": "test", "persistentVolumeClaim": {"claimName": "test-rows"}} in pod["volumes"]
        assert container(job)["env"][-1]["valueFrom"]["secretKeyRef"]["name"] == "hf"
        assert container(job)["resources"]["requests"]["cpu"] == "500m"
        for labels in (job["metadata"]["labels"], job["spec"]["template"]["metadata"]["labels"]):
            assert labels["kueue.x-k8s.io/queue-name"] == "hub"
            assert labels["fedtrain.dev/run"] == run().run_id, "fedtrain's labels win"


def test_openshift_admits_every_job_of_the_hub_once_hub_pods_unset_the_user_ids() -> None:
    ids = ("fsGroup", "runAsGroup", "runAsUser")
    unset = replace(SETTINGS, hub_pods=Pods.model_validate({"securityContext": dict.fromkeys(ids)}))
    for job in jobs(unset):
        assert openshift.faults(job["spec"]["template"]["spec"]) == []
    for job in jobs(SETTINGS):
        assert openshift.faults(job["spec"]["template"]["spec"]) == list(ids)


def jobs(settings: Settings) -> list[dict[str, Any]]:
    """An initialisation, an aggregation and an evaluation."""
    key = TaskKey(0, "Initialise", "_initialise", 1)
    return [
        hub_job(spec(), run(), key, orders.initialise_task(spec(), run(), key), settings, "uid"),
        hub_job(spec(), run(), AGGREGATE, AggregateOrder(3, 1), settings, "uid"),
        evaluation(settings),
    ]


def jobs_with(**hub_pods: Any) -> list[dict[str, Any]]:
    """Jobs with these settings of `hubPods`."""
    return jobs(replace(SETTINGS, hub_pods=Pods.model_validate(hub_pods)))


def test_pass_scheduling_settings_of_hub_pods_on_as_they_are() -> None:
    for job in jobs_with(**SCHEDULING):
        pod = job["spec"]["template"]["spec"]
        assert {name: pod[name] for name in SCHEDULING} == SCHEDULING
        assert pod["automountServiceAccountToken"] is False


def test_annotate_jobs_of_the_hub_and_their_pods() -> None:
    for job in jobs_with(annotations={"team": "research"}):
        metadata = job["spec"]["template"]["metadata"]
        assert metadata["annotations"]["team"] == job["metadata"]["annotations"]["team"] == "research"
        assert metadata["annotations"]["sidecar.istio.io/inject"] == "false"


def test_apply_the_security_contexts_of_hub_pods_and_loosen_nothing_else() -> None:
    own = {"runAsUser": 1000, "supplementalGroups": [4, 5]}
    for job in jobs_with(securityContext=own, containerSecurityContext={"readOnlyRootFilesystem": False}):
        security = job["spec"]["template"]["spec"]["securityContext"]
        assert security == {**own, "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
        assert container(job)["securityContext"] == {
            "readOnlyRootFilesystem": False,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        }


def test_mount_a_certificate_authority_in_pods_of_the_hub() -> None:
    volumes = [{"name": "ca", "configMap": {"name": "ca"}}, {"name": "own-ca", "secret": {"secretName": "own-ca"}}]
    mounts = [{"name": name, "mountPath": f"/etc/{name}", "readOnly": True} for name in ("ca", "own-ca")]
    for job in jobs_with(volumes=volumes, volumeMounts=mounts, env=[{"name": "AWS_CA_BUNDLE", "value": "/etc/ca/x"}]):
        assert job["spec"]["template"]["spec"]["volumes"][-2:] == volumes
        assert container(job)["volumeMounts"][-2:] == mounts
        assert container(job)["env"][-1] == {"name": "AWS_CA_BUNDLE", "value": "/etc/ca/x"}


def test_hub_pods_that_cannot_be_read_name_the_variable_and_the_field() -> None:
    needed = {"FEDTRAIN_TRAINER_IMAGE": "t", "FEDTRAIN_HUB_IMAGE": "h"}
    assert Settings.read({**needed, "FEDTRAIN_HUB_PODS": '{"nodeSelector": {"pool": "hub"}}'}).hub_pods.node_selector
    with pytest.raises(SettingsWrong, match=r"FEDTRAIN_HUB_PODS: nodeSelektor: .*not permitted"):
        Settings.read({**needed, "FEDTRAIN_HUB_PODS": '{"nodeSelektor": {}}'})


def test_hub_pods_that_kubernetes_would_refuse_for_each_pod_are_refused_at_the_start() -> None:
    needed = {"FEDTRAIN_TRAINER_IMAGE": "t", "FEDTRAIN_HUB_IMAGE": "h"}
    with pytest.raises(SettingsWrong, match=r"FEDTRAIN_HUB_PODS: volumeMounts\[0\].name: The volume ca does not"):
        Settings.read({**needed, "FEDTRAIN_HUB_PODS": '{"volumeMounts": [{"name": "ca", "mountPath": "/etc/ca"}]}'})


def test_an_unschedulable_pod_of_the_hub_is_reported() -> None:
    message = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."
    lacking = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    waiting = {"metadata": {"name": "p"}, "status": {"conditions": [lacking]}}
    whole = spec(evaluation={"hub": {**HUB["hub"], "compute": {"gpusPerNode": 1}}})
    job = evaluation(gpusPerNode=1)
    said = asyncio.run(why_hub_waits(NOBODY, whole, run().run_id, [(job, [waiting])], 0.0))[ref(job)]
    assert said.message.startswith(
        "the hub's job asks for 1 GPU on 1 node, but no node has 1 free. The pod starts by itself"
    )
    assert said.message.endswith("lower `evaluation.hub.compute.gpusPerNode` of the FederatedTraining")
    assert [one.status for one in pod_conditions([], [said])] == ["False", "True"]
