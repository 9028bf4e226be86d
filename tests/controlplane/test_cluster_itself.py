"""The cluster that the operator's tests run in behaves like one."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from kubernetes import client

from hack.cluster.api import Api, Json, Refused
from hack.cluster.control_plane import ControlPlane
from hack.cluster.eventually import eventually
from hack.cluster.s3_server import S3Server
from hack.cluster.tools import KUBERNETES_VERSION
from tests.controlplane.training import JOBS, PYTORCHJOBS

JOB = {
    "metadata": {"name": "aggregate"},
    "spec": {
        "template": {
            "spec": {"restartPolicy": "Never", "containers": [{"name": "aggregate", "image": "example.org/hub:1"}]}
        }
    },
}


@pytest.fixture
def api(control_plane: ControlPlane) -> Api:
    return control_plane.api


def pytorch_job(container: str = "pytorch") -> Json:
    """A job of a master and a worker, whose container is called so."""
    pod = {"spec": {"containers": [{"name": container, "image": "example.org/trainer:1"}]}}
    replicas = {"replicas": 1, "restartPolicy": "Never", "template": pod}
    return {
        "apiVersion": "kubeflow.org/v1",
        "kind": "PyTorchJob",
        "metadata": {"name": "train"},
        "spec": {"pytorchReplicaSpecs": {"Master": replicas, "Worker": replicas}},
    }


def test_it_keeps_objects(api: Api, namespace: str) -> None:
    api.create("v1/configmaps", {"metadata": {"name": "notes"}, "data": {"one": "1"}}, namespace)
    assert api.get("v1/configmaps", "notes", namespace)["data"] == {"one": "1"}


def test_its_kubeconfig_serves_other_clients(control_plane: ControlPlane, namespace: str) -> None:
    version = client.VersionApi(control_plane.client).get_code()
    assert version.git_version == KUBERNETES_VERSION  # pyright: ignore
    assert namespace in control_plane.kubectl("get", "namespaces")


def test_a_job_gets_a_pod_that_waits_for_a_node_and_goes_with_its_job(api: Api, namespace: str) -> None:
    api.create(JOBS, JOB, namespace)
    (pod,) = eventually(lambda: api.list("v1/pods", namespace, "job-name=aggregate"))
    assert pod["status"]["phase"] == "Pending"
    events = eventually(lambda: api.list("v1/events", namespace))
    assert {(event["involvedObject"]["kind"], event["reason"]) for event in events} == {("Job", "SuccessfulCreate")}
    api.delete(JOBS, "aggregate", namespace, propagation="Foreground")
    eventually(lambda: not api.list("v1/pods", namespace, "job-name=aggregate"))


def test_a_job_whose_pod_succeeds_is_complete(api: Api, namespace: str) -> None:
    api.create(JOBS, JOB, namespace)
    (pod,) = eventually(lambda: api.list("v1/pods", namespace, "job-name=aggregate"))
    api.patch("v1/pods", pod["metadata"]["name"], {"status": {"phase": "Succeeded"}}, namespace, "status")
    eventually(lambda: api.get(JOBS, "aggregate", namespace)["status"].get("succeeded") == 1)


def test_a_pytorchjob_gets_its_pods_and_follows_their_phases(api: Api, namespace: str) -> None:
    api.create(PYTORCHJOBS, pytorch_job(), namespace)
    label = "training.kubeflow.org/job-name=train"
    eventually(lambda: len(api.list("v1/pods", namespace, label)) == 2)
    for pod in api.list("v1/pods", namespace, label):
        environment = {variable["name"] for variable in pod["spec"]["containers"][0]["env"]}
        assert {"MASTER_ADDR", "PET_NNODES", "RANK"} <= environment
    for name in ("train-master-0", "train-worker-0"):
        api.patch("v1/pods", name, {"status": {"phase": "Succeeded"}}, namespace, "status")

    def conditions() -> set[str]:
        status = api.get(PYTORCHJOBS, "train", namespace).get("status", {})
        return {condition["type"] for condition in status.get("conditions", ()) if condition["status"] == "True"}

    eventually(lambda: "Succeeded" in conditions())


def test_a_pytorchjob_without_a_container_named_pytorch_is_refused(api: Api, namespace: str) -> None:
    with pytest.raises(Refused, match="must have at least one container with name pytorch"):
        api.create(PYTORCHJOBS, pytorch_job(container="trainer"), namespace)


def test_a_service_account_has_its_own_rights_and_no_others(
    control_plane: ControlPlane, api: Api, namespace: str
) -> None:
    rbac = "rbac.authorization.k8s.io/v1"
    name = {"metadata": {"name": "reader"}}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}
    subject = {"kind": "ServiceAccount", "name": "reader", "namespace": namespace}
    rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}
    api.create("v1/serviceaccounts", name, namespace)
    api.create(f"{rbac}/roles", {**name, "rules": [rule]}, namespace)
    api.create(f"{rbac}/rolebindings", {**name, "roleRef": role, "subjects": [subject]}, namespace)
    reader = Api(control_plane.service_account(namespace, "reader"))

    def may_list() -> bool:
        with suppress(Refused):  # until the API server knows the role
            reader.list("v1/configmaps", namespace)
            return True
        return False

    eventually(may_list)
    with pytest.raises(Refused, match="Forbidden"):
        reader.list("v1/secrets", namespace)


def test_kinds_can_be_used_as_soon_as_they_are_applied(
    control_plane: ControlPlane, api: Api, namespace: str, tmp_path: Path
) -> None:
    schema = {"type": "object", "properties": {"spec": {"type": "integer"}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"kind": "Trial", "plural": "trials"}
    kind = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "trials.example.org"},
        "spec": {"group": "example.org", "scope": "Namespaced", "names": names, "versions": [version]},
    }
    manifest = tmp_path / "kind.json"
    manifest.write_text(json.dumps(kind))
    control_plane.apply(manifest)
    trial = {"apiVersion": "example.org/v1", "kind": "Trial", "metadata": {"name": "one"}, "spec": 1}
    assert api.create("example.org/v1/trials", trial, namespace)["spec"] == 1
    with pytest.raises(Refused, match="Invalid"):
        api.create("example.org/v1/trials", {**trial, "metadata": {"name": "two"}, "spec": "text"}, namespace)


def test_the_s3_server_lets_one_writer_win(s3_server: S3Server) -> None:
    s3_server.client.create_bucket(Bucket="race")
    s3_server.client.put_object(Bucket="race", Key="claim", Body=b"first", IfNoneMatch="*")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3_server.client.put_object(Bucket="race", Key="claim", Body=b"second", IfNoneMatch="*")
    assert s3_server.client.get_object(Bucket="race", Key="claim")["Body"].read() == b"first"


def test_it_forgets_nothing_when_its_api_server_dies(control_plane: ControlPlane, api: Api, namespace: str) -> None:
    api.create("v1/configmaps", {"metadata": {"name": "notes"}, "data": {"one": "1"}}, namespace)
    control_plane.processes.kill("kube-apiserver")
    with pytest.raises(OSError, match="refused"):
        api.get("v1/configmaps", "notes", namespace)
    control_plane.processes.restart("kube-apiserver")
    assert api.get("v1/configmaps", "notes", namespace)["data"] == {"one": "1"}
