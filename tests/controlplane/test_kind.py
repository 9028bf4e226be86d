"""A cluster by kind. There is no engine here: the programs docker and kind are played, and the cluster that kind makes
is a control plane without nodes, whose pods are said to be ready. What is applied to it is real."""

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.clusters import kind as kinds
from tests.clusters import lasting
from tests.clusters.api import Api
from tests.clusters.control_plane import ControlPlane
from tests.clusters.engine import Engine, engine
from tests.clusters.kind import Kind
from tests.clusters.kind_cluster import KindCluster
from tests.clusters.minio import Minio
from tests.clusters.processes import LOOPBACK, ProgramFailed
from tests.clusters.products import PRODUCTS, ROOT, containerfile, reference
from tests.clusters.tools import provide

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
if words[:2] == ["get", "nodes"] and (here / "nodes").exists():
    print((here / "nodes").read_text())
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
def minio(tmp_path: Path) -> Iterator[Minio]:
    """What the cluster's own store would be."""
    with Minio(tmp_path / "minio") as server:
        yield server


@pytest.fixture
def name(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Of the cluster that stays."""
    monkeypatch.setattr(lasting, "NAME", "fedtrain-test")
    yield lasting.NAME
    if left := Kind.of(lasting.NAME):
        left.remove()


def test_a_cluster_gets_the_training_operator_a_store_and_the_images_and_is_removed_whole(
    played: Path, plane: ControlPlane, minio: Minio, name: str
) -> None:
    (played / "kubeconfig").write_bytes(plane.kubeconfig.read_bytes())
    with _ready_pods(plane.api):
        started = lasting.start_in(Engine("docker"), minio.address[1])
    assert started.store.endpoint == minio.endpoint
    assert plane.api.get("apiextensions.k8s.io/v1/customresourcedefinitions", "pytorchjobs.kubeflow.org")
    (port,) = plane.api.get("v1/services", lasting.STORE, lasting.STORE_NAMESPACE)["spec"]["ports"]
    (mapped,) = json.loads((played / "config").read_text())["nodes"][0]["extraPortMappings"]
    assert mapped["containerPort"] == port["nodePort"]
    assert mapped == mapped | {"hostPort": minio.address[1], "listenAddress": LOOPBACK}
    started.store.client.list_buckets()
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
    said = lasting.KIND_STORE.read_text()
    endpoint = f"http://{lasting.STORE}.{lasting.STORE_NAMESPACE}.svc.cluster.local:{lasting.STORE_PORT}"
    assert endpoint in (lasting.QUICKSTART / "kubernetes" / "federation.yaml").read_text()
    for part in (f"name: {lasting.STORE_NAMESPACE}", f"name: {lasting.STORE}", f"port: {lasting.STORE_PORT}"):
        assert part in said
    assert Minio.access_key in said
    assert Minio.secret_key in said


def test_what_kind_refuses_is_told_and_nothing_is_left(played: Path, name: str) -> None:
    (played / "broken").touch()
    with pytest.raises(ProgramFailed, match="no such image kindest/node"):
        lasting.start_in(Engine("docker"))
    assert Kind.of(name) is None
    assert _said(played)[-1] == ["kind", "delete", "cluster", f"--name={name}"]


def test_only_the_node_that_runs_pods_gets_the_images(played: Path, plane: ControlPlane, tmp_path: Path) -> None:
    (played / "kubeconfig").write_bytes(plane.kubeconfig.read_bytes())
    (played / "nodes").write_text("e2e-control-plane\ne2e-worker\n")
    with KindCluster("e2e-test", Engine("docker"), tmp_path) as cluster, _ready_pods(plane.api):
        cluster.furnish(
            {"localhost/fedtrain/operator:1": Path("F")}, Path("/c"), {"x:next": "localhost/fedtrain/operator:1"}
        )
        assert cluster.control_plane.api.list("v1/namespaces")
        cluster.cut_power()
    said = _said(played)
    assert ["docker", "tag", "localhost/fedtrain/operator:1", "x:next"] in said
    assert next(words for words in said if words[:2] == ["docker", "save"])[-2:] == [
        "localhost/fedtrain/operator:1",
        "x:next",
    ]
    assert next(words for words in said if words[:2] == ["kind", "load"])[-1] == "--nodes=e2e-worker"
    assert ["docker", "kill", "e2e-worker"] in said
    assert said[-1] == ["kind", "delete", "cluster", "--name=e2e-test"]
    assert Kind.of("e2e-test") is None


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
