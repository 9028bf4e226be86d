"""A real control plane and a real S3 server for the tests of a process, and a namespace of its own for each test."""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hack.cluster import control_plane as planes
from hack.cluster import s3_server as stores
from hack.cluster.api import Api
from hack.cluster.control_plane import ControlPlane
from hack.cluster.kubeconfig import Credentials
from hack.cluster.reports import pytest_runtest_makereport
from hack.cluster.s3_server import S3Server
from hack.cluster.tools import missing
from tests.controlplane.chart import Release
from tests.controlplane.planes import plane_in
from tests.controlplane.pods import Pods
from tests.controlplane.training import TRAININGS, Digests, Federation, digests
from tests.support.made_once import made_once
from tests.support.operating import Operator

__all__ = ["pytest_runtest_makereport"]

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """etcd, API server, controllers and training operator; nobody else's objects, no nodes."""
    _need(*planes.TOOLS)
    with plane_in(tmp_path_factory.mktemp("control-plane")) as plane:
        yield plane


@pytest.fixture(scope="session")
def kinds(control_plane: ControlPlane) -> ControlPlane:
    """The control plane, with fedtrain's kinds."""
    control_plane.apply(*sorted((Path(__file__).parents[2] / "crds").glob("*.yaml")))
    return control_plane


@pytest.fixture(scope="session")
def operator_account(kinds: ControlPlane) -> Credentials:
    """The ServiceAccount of a release that serves all namespaces. Namespaces bind its rights: `tests...binding`."""
    _need("helm")
    release = Release(kinds, "fedtrain")
    images = {"images.trainer.repository": "example.org/trainer", "images.operator.repository": "example.org/hub"}
    tags = {"images.trainer.tag": "1", "images.operator.tag": "1"}  # the images of `tests.support.operating`
    release.install(**{"crds.enabled": False, **images, **tags})
    return release.account()


@pytest.fixture(scope="session")
def operator_kubeconfig(operator_account: Credentials, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return operator_account.write(tmp_path_factory.mktemp("account") / "kubeconfig")


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 server with no buckets."""
    _need(*stores.TOOLS)
    with S3Server(tmp_path_factory.mktemp("store")) as server:
        yield server


@pytest.fixture
def namespace(control_plane: ControlPlane) -> Iterator[str]:
    """The name of a new namespace; it is deleted behind the test's back."""
    name = f"test-{next(_numbers)}"
    control_plane.api.create("v1/namespaces", {"metadata": {"name": name}})
    yield name
    control_plane.api.delete("v1/namespaces", name)


@pytest.fixture(scope="session")
def api(kinds: ControlPlane) -> Api:
    return kinds.api


@pytest.fixture(scope="session")
def banks(api: Api, tmp_path_factory: pytest.TempPathFactory) -> Federation:
    """Two participants that any namespace may ask; their data."""
    made = Federation(tmp_path_factory.mktemp("banks"))
    made.write_data()
    made.settle_banks(api)
    return made


@pytest.fixture(scope="session")
def undisturbed(zygote: str, tmp_path_factory: pytest.TempPathFactory) -> Digests:
    """What `fedtrain run` makes of the same file on one machine."""

    def make(folder: Path) -> None:
        alone = Federation(folder)
        alone.write_data()
        alone.run(zygote)

    return digests(Federation(made_once(tmp_path_factory, "banks-alone", make)).ledger_alone())


@pytest.fixture
def pods(api: Api, zygote: str, tmp_path: Path) -> Iterator[Pods]:
    """They run, as if there were nodes."""
    with Pods(api, zygote, tmp_path / "pods") as running:
        yield running


@pytest.fixture
def federation(banks: Federation, api: Api, s3_server: S3Server, namespace: str) -> Federation:
    """Bucket and Secret are there; the training is not."""
    return Federation(banks.folder, namespace).prepare(api, s3_server)


@pytest.fixture
def operator(
    kinds: ControlPlane, operator_kubeconfig: Path, federation: Federation, zygote: str, tmp_path: Path
) -> Iterator[Operator]:
    """It runs while a test does, and lets the training go after it."""
    with Operator(operator_kubeconfig, tmp_path, zygote) as running:
        yield running
        if kinds.api.find(TRAININGS, federation.name, federation.namespace):
            federation.delete(kinds.api)


def _need(*tools: str) -> None:
    if (names := missing(tools)) and not os.environ.get("CI"):
        pytest.skip(f"{', '.join(names)} not built on this machine; `make cluster-tools` builds them, `make test` too")
