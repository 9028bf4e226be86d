"""A cluster by kind. There is no engine here: the programs docker and kind are played, and the cluster that kind makes
is a control plane without nodes, whose pods are said to be ready. What is applied to it is real."""

import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hack.cluster import kind as kinds
from hack.cluster import lasting
from hack.cluster.api import Api
from hack.cluster.control_plane import ControlPlane
from hack.cluster.engine import Engine, engine
from hack.cluster.kind import Kind
from hack.cluster.kind_cluster import NAME, KindCluster
from hack.cluster.processes import LOOPBACK, ProgramFailed
from hack.cluster.products import PRODUCTS, ROOT, containerfile, reference
from hack.cluster.s3_server import S3Server
from hack.cluster.tools import provide

PLAYED = """#!{python}
import json, shutil, sys
from pathlib import Path
here = Path({folder!r})
name, *words = [Path(sys.argv[0]).name, *sys.argv[1:]]
with (here / "said").open("a") as file:
    file.write(json.dumps([name, *words]) + chr(10))
if (here / "broken").exists() and words[:1] == ["create"]:
    sys.exit("ERROR: failed to create cluster: no such image kindest/node")
if words[:1] == ["create"]:
    flags = dict(word.split("=", 1) for word in words if "=" in word)
    shutil.copy(here / "kubeconfig", flags["--kubeconfig"])
    shutil.copy(flags["--config"], here / "config")
    roles = [node["role"] for node in json.loads((here / "config").read_text())["nodes"]]
    (here / "nodes").write_text(" ".join(flags["--name"] + "-" + role for role in roles))
if words[:2] == ["get", "nodes"] and (here / "nodes").exists():
    print((here / "nodes").read_text())
if words[:1] == ["delete"] and (here / "deaf").exists():
    sys.exit("ERROR: failed to delete cluster: error listing nodes")
if words[:1] == ["delete"]:
    (here / "nodes").unlink(missing_ok=True)
if words[0] == "exec":
    print("default via 172.18.0.1 dev eth0")
if words[:1] == ["save"]:
    Path(words[words.index("--output") + 1]).touch()
"""


@pytest.fixture
def played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the programs, with a file `said` of their command lines."""
    for name in ("docker", "kind"):
        program = tmp_path / name
        program.write_text(PLAYED.format(python=sys.executable, folder=str(tmp_path)))
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(
        kinds, "provide", lambda *names: {n: tmp_path / n if n == "kind" else provide(n)[n] for n in names}
    )
    return tmp_path


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[ControlPlane]:
    with ControlPlane(tmp_path / "plane", training_operator=False) as running:
        yield running


@pytest.fixture
def s3_server(tmp_path: Path) -> Iterator[S3Server]:
    """What the cluster's own store would be."""
    with S3Server(tmp_path / "store") as server:
        yield server


@pytest.fixture
def name(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Name of the cluster that stays."""
    monkeypatch.setattr(lasting, "NAME", "fedtrain-test")
    yield lasting.NAME
    if left := Kind.of(lasting.NAME):
        left.remove()


@pytest.mark.slow
def test_a_cluster_gets_the_training_operator_a_store_and_the_images_and_is_removed_whole(
    played: Path, plane: ControlPlane, s3_server: S3Server, name: str
) -> None:
    (played / "kubeconfig").write_bytes(plane.kubeconfig.read_bytes())
    with _ready_pods(plane.api):
        started = lasting.start_in(Engine("docker"), s3_server.address[1])
    assert started.store.endpoint == s3_server.endpoint
    assert plane.api.get("apiextensions.k8s.io/v1/customresourcedefinitions", "pytorchjobs.kubeflow.org")
    (port,) = plane.api.get("v1/services", f"{lasting.STORE}-node", lasting.STORE_NAMESPACE)["spec"]["ports"]
    (mapped,) = json.loads((played / "config").read_text())["nodes"][0]["extraPortMappings"]
    assert mapped["containerPort"] == port["nodePort"]
    assert mapped == mapped | {"hostPort": s3_server.address[1], "listenAddress": LOOPBACK}
    started.store.client.list_buckets()
    for resource in ("apps/v1/deployments", "v1/persistentvolumeclaims", "v1/services"):
        assert plane.api.get(resource, lasting.STORE, lasting.STORE_NAMESPACE), resource
    said = _said(played)
    saved = next(words for words in said if words[:2] == ["docker", "save"])
    for product in PRODUCTS:
        build = ["docker", "build", f"--file={containerfile(product)}", f"--tag={reference(product)}", str(ROOT)]
        assert build in said
        assert reference(product) in saved
    assert ["kind", "load", "image-archive", saved[saved.index("--output") + 1], f"--name={name}"] in said

    again = Kind.of(name)
    assert again is not None
    again.remove()
    assert _said(played)[-1] == ["kind", "delete", "cluster", f"--name={name}"]
    assert Kind.of(name) is None
    assert not started.kubeconfig.exists()


def test_pods_reach_the_store_where_the_quickstart_says() -> None:
    said = lasting.KIND_STORE.read_text() + lasting.STORE_EXAMPLE.read_text()
    endpoint = f"http://{lasting.STORE}.{lasting.STORE_NAMESPACE}.svc.cluster.local:{lasting.STORE_PORT}"
    assert endpoint in (lasting.QUICKSTART / "kubernetes" / "federation.yaml").read_text()
    for part in (f"name: {lasting.STORE_NAMESPACE}", f"name: {lasting.STORE}", f"port: {lasting.STORE_PORT}"):
        assert part in said
    assert S3Server.access_key in said
    assert S3Server.secret_key in said


def test_an_error_of_kind_is_reported_and_no_cluster_remains(played: Path, name: str) -> None:
    (played / "broken").touch()
    with pytest.raises(ProgramFailed, match="no such image kindest/node"):
        lasting.start_in(Engine("docker"))
    assert Kind.of(name) is None
    assert _said(played)[-1] == ["kind", "delete", "cluster", f"--name={name}"]


def test_the_first_error_is_reported_where_the_cluster_cannot_be_deleted_either(played: Path, name: str) -> None:
    (played / "broken").touch()
    (played / "deaf").touch()
    with pytest.raises(ProgramFailed, match="no such image kindest/node"):
        lasting.start_in(Engine("docker"))
    assert Kind.of(name) is None


def test_a_cluster_of_somebody_elses_is_left_alone(played: Path, name: str) -> None:
    (played / "nodes").write_text(f"{name}-control-plane")
    with pytest.raises(ProgramFailed, match=f"There is a kind cluster {name} already"):
        lasting.start_in(Engine("docker"))
    assert _said(played) == [["kind", "get", "nodes", f"--name={name}"]]
    assert Kind.of(name) is None


@pytest.mark.slow
def test_only_the_node_that_runs_pods_gets_the_images_and_loses_its_power(
    played: Path, plane: ControlPlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    (played / "kubeconfig").write_bytes(plane.kubeconfig.read_bytes())
    image, name = "localhost/fedtrain/operator:1", f"{NAME}-{os.getpid()}"
    with KindCluster(Engine("docker"), tmp_path) as cluster, _ready_pods(plane.api):
        assert cluster.pod_logs.is_dir()
        cluster.furnish({image: Path("F")}, Path("/c"), {"x:next": image})
        assert cluster.control_plane.api.list("v1/namespaces")
        assert cluster.place.address == "172.18.0.1"
        cluster.kill({"status": {"containerStatuses": [{"containerID": "containerd://abc"}]}})
        cluster.cut_power()
        cluster.power_on()
    said, worker = _said(played), f"{name}-worker"
    assert ["docker", "tag", image, "x:next"] in said
    assert next(words for words in said if words[:2] == ["docker", "save"])[-2:] == [image, "x:next"]
    assert next(words for words in said if words[:2] == ["kind", "load"])[-1] == f"--nodes={worker}"
    kill = ["ctr", "--namespace=k8s.io", "tasks", "kill", "--signal=SIGKILL", "abc"]
    assert ["docker", "exec", worker, *kill] in said
    assert said.index(["docker", "kill", worker]) < said.index(["docker", "start", worker])
    mounts = json.loads((played / "config").read_text())["nodes"][1]["extraMounts"]
    assert {"hostPath": str(tmp_path), "containerPath": str(tmp_path)} in mounts
    assert said[-1] == ["kind", "delete", "cluster", f"--name={name}"]
    assert Kind.of(name) is None


def test_what_fails_once_the_nodes_run_removes_them(
    played: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    (played / "kubeconfig").write_text("{}")
    with pytest.raises(ProgramFailed, match="serviceaccount"), KindCluster(Engine("docker"), tmp_path):
        pass
    name = f"{NAME}-{os.getpid()}"
    assert _said(played)[-1] == ["kind", "delete", "cluster", f"--name={name}"]
    assert Kind.of(name) is None


def test_an_engine_is_one_that_answers(played: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert engine() == Engine("docker")
    (played / "docker").write_text("#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2; exit 1\n")
    monkeypatch.setenv("PATH", f"{played}:/bin:/usr/bin")
    (played / "podman").write_text("#!/bin/sh\n")
    (played / "podman").chmod(0o755)
    assert engine() == Engine("podman")
    (played / "podman").write_text("#!/bin/sh\nexit 1\n")
    assert engine() is None
    assert engine("podman") == Engine("podman")
    assert engine("none") is None


def _said(played: Path) -> list[list[str]]:
    return [json.loads(line) for line in (played / "said").read_text().splitlines()]


@contextmanager
def _ready_pods(api: Api) -> Iterator[None]:
    """While it is entered, every pod is said to be ready."""
    over = threading.Event()

    def play() -> None:
        while not over.wait(0.2):
            for pod in api.list("v1/pods"):
                name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
                ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
                api.patch("v1/pods", name, {"status": ready}, namespace, "status")

    thread = threading.Thread(target=play)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
