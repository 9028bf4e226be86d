"""The clusters that end-to-end tests run in behave like clusters: pods run and find each other."""

from typing import Any

import pytest

from hack.cluster.api import Api, Json
from hack.cluster.cluster import Cluster
from hack.cluster.eventually import eventually
from hack.cluster.images import BUSYBOX
from tests.controlplane.training import PYTORCHJOBS
from tests.e2e.connecting import HARDENED


@pytest.fixture(scope="module")
def api(hub: Cluster) -> Api:
    return hub.control_plane.api


def pod(name: str, command: str, **container: Any) -> Json:
    shell = {"name": "pytorch", "image": BUSYBOX, "command": ["sh", "-ec", command], **container}
    return {"metadata": {"name": name}, "spec": {"restartPolicy": "Never", "containers": [shell]}}


def fetch(host: str, port: int, path: str, expected: str) -> str:
    """A shell command that asks until it gets what it expects; busybox's own wget crashes where it is static."""
    ask = f"printf 'GET {path} HTTP/1.0\\r\\nHost: {host}\\r\\n\\r\\n' | nc -w 2 {host} {port}"
    return f"until {ask} | grep '{expected}'; do sleep 0.2; done"


def result(api: Api, name: str) -> str:
    """The phase a pod ends in."""

    def phase() -> str:
        return api.get("v1/pods", name, "default")["status"]["phase"]

    eventually(lambda: phase() in ("Succeeded", "Failed"))
    return phase()


def test_a_hardened_pod_runs_and_its_output_can_be_read(hub: Cluster, api: Api) -> None:
    api.create("v1/pods", pod("hardened", "id -u; test ! -w /", securityContext=HARDENED), "default")
    assert result(api, "hardened") == "Succeeded"
    assert hub.control_plane.kubectl("logs", "hardened") == "1000\n"


def test_a_pod_reaches_a_service_by_its_name(api: Api) -> None:
    server = pod("server", "mkdir /tmp/www; echo hello > /tmp/www/index.html; httpd -f -p 8000 -h /tmp/www")
    server["metadata"]["labels"] = {"app": "server"}
    api.create("v1/pods", server, "default")
    service = {"selector": {"app": "server"}, "ports": [{"port": 80, "targetPort": 8000}]}
    api.create("v1/services", {"metadata": {"name": "server"}, "spec": service}, "default")
    api.create("v1/pods", pod("client", fetch("server.default.svc.cluster.local", 80, "/", "hello")), "default")
    assert result(api, "client") == "Succeeded"


def test_a_pod_reaches_the_api_server_with_its_service_account(api: Api) -> None:
    ask = "nc -w 5 kubernetes.default.svc 443 < /dev/null; test -s /var/run/secrets/kubernetes.io/serviceaccount/token"
    api.create("v1/pods", pod("ask", ask), "default")
    assert result(api, "ask") == "Succeeded"


def test_the_pods_of_a_pytorchjob_find_each_other(api: Api) -> None:
    master = "echo met | nc -l -p $MASTER_PORT"
    worker = "until nc -w 5 $MASTER_ADDR $MASTER_PORT < /dev/null | grep met; do sleep 0.2; done"
    replicas = {
        name: {"replicas": 1, "restartPolicy": "Never", "template": {"spec": pod("", command)["spec"]}}
        for name, command in {"Master": master, "Worker": worker}.items()
    }
    job = {"apiVersion": "kubeflow.org/v1", "kind": "PyTorchJob", "metadata": {"name": "train"}}
    api.create(PYTORCHJOBS, {**job, "spec": {"pytorchReplicaSpecs": replicas}}, "default")

    def conditions() -> set[str]:
        status = api.get(PYTORCHJOBS, "train", "default").get("status", {})
        return {condition["type"] for condition in status.get("conditions", []) if condition["status"] == "True"}

    eventually(lambda: "Succeeded" in conditions())


def test_pods_get_the_gpus_that_a_node_offers_and_wait_for_more(hub: Cluster, api: Api) -> None:
    hub.node.offer("nvidia.com/gpu", 4, hub.control_plane)
    for name, gpus in {"some": "4", "many": "5"}.items():
        api.create("v1/pods", pod(name, "true", resources={"limits": {"nvidia.com/gpu": gpus}}), "default")
    assert result(api, "some") == "Succeeded"
    (condition,) = eventually(lambda: api.get("v1/pods", "many", "default")["status"].get("conditions"))
    assert condition["reason"] == "Unschedulable"
    assert "Insufficient nvidia.com/gpu" in condition["message"]
    hub.node.offer("nvidia.com/gpu", 0, hub.control_plane)
