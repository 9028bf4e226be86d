"""PodSecurity `restricted` and a ResourceQuota on requests and limits admit all pods of fedtrain."""

import copy
from collections.abc import Iterator

import pytest

from fedtrain.api.pods import Pods
from hack.cluster.api import Api, Json, Refused
from hack.cluster.control_plane import ControlPlane
from hack.cluster.eventually import eventually
from tests.controlplane.objects_of_fedtrain import job, pytorch_job
from tests.controlplane.test_chart_values import pods, rendered
from tests.controlplane.training import POLICIES, PYTORCHJOBS, document
from tests.support import openshift

NAMESPACE = "restricted"
QUOTA = {"requests.cpu": "8", "requests.memory": "16Gi", "limits.cpu": "200", "limits.memory": "400Gi"}


@pytest.fixture(scope="module")
def api(kinds: ControlPlane) -> Iterator[Api]:
    marks = {"pod-security.kubernetes.io/enforce": "restricted"}
    kinds.api.create("v1/namespaces", {"metadata": {"name": NAMESPACE, "labels": marks}})
    kinds.api.create("v1/serviceaccounts", {"metadata": {"name": "fedtrain"}}, NAMESPACE)
    kinds.api.create("v1/resourcequotas", {"metadata": {"name": "all"}, "spec": {"hard": QUOTA}}, NAMESPACE)
    eventually(lambda: kinds.api.get("v1/resourcequotas", "all", NAMESPACE)["status"].get("hard"))
    yield kinds.api
    kinds.api.delete("v1/namespaces", NAMESPACE)


@pytest.mark.parametrize("ids", [{}, {"runAsUser": None, "runAsGroup": None, "fsGroup": None}], ids=["fixed", "null"])
def test_admit_every_pod_of_the_chart(api: Api, ids: Json) -> None:
    values = {f"podSecurityContext.{name}": value for name, value in ids.items()}
    found = list(pods(rendered(**{"crds.enabled": False, **values})))
    assert len(found) == 3, "the operator, the hook that looks for trainings, and the test"
    for pod in found:
        assert ids == {} or not ids.keys() & pod["securityContext"].keys()
        api.create(
            "v1/pods", {"metadata": {"generateName": "chart-"}, "spec": {**pod, "restartPolicy": "Never"}}, NAMESPACE
        )


@pytest.mark.parametrize("ids", [None, {}], ids=["fixed", "null"])
def test_admit_the_pods_of_the_hubs_jobs(api: Api, ids: Json | None) -> None:
    settings = Pods.model_validate({} if ids is None else {"securityContext": ids})
    template = copy.deepcopy(job(NAMESPACE, settings)["spec"]["template"])
    assert openshift.faults(template["spec"]) == (["fsGroup", "runAsGroup", "runAsUser"] if ids is None else [])
    api.create("v1/pods", {**template, "metadata": {"generateName": "hub-"}}, NAMESPACE)


def test_admit_the_pods_of_a_job_of_two_nodes_with_the_init_container_of_the_training_operator(api: Api) -> None:
    policy = {"datasets": [{"name": "tickets", "uri": "/data"}]}
    api.create(POLICIES, document("ParticipantPolicy", "bank-a", policy), NAMESPACE)  # the admission policy needs one
    body = pytorch_job(NAMESPACE, {})
    body["metadata"]["name"] = "two"
    eventually(lambda: _created(api, body))
    labels = "training.kubeflow.org/job-name=two"
    master, worker = eventually(lambda: _both(api.list("v1/pods", NAMESPACE, labels)))
    (init,) = worker["spec"]["initContainers"]
    assert init["resources"].keys() == {"requests", "limits"}
    assert "initContainers" not in master["spec"]


def _created(api: Api, body: Json) -> bool:
    """Whether the API server accepts the job. Its admission policies read a new ParticipantPolicy with a delay."""
    try:
        api.create(PYTORCHJOBS, body, NAMESPACE)
    except Refused as refusal:
        if "no params found" not in str(refusal):
            raise
        return False
    return True


def _both(found: list[Json]) -> list[Json]:
    return sorted(found, key=lambda pod: pod["metadata"]["name"]) if len(found) == 2 else []
