"""A cluster with fedtrain in it, as its users have it. Tests with real pods run when they are asked for by name, with
root: `make e2e`."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clusters.cluster import Cluster
from tests.clusters.images import Image
from tests.clusters.minio import Minio
from tests.clusters.products import product, tagged
from tests.clusters.reports import pytest_runtest_makereport
from tests.controlplane.training import Digests, digests
from tests.e2e.federation import RealFederation
from tests.e2e.installing import Release
from tests.e2e.observer import Observer

__all__ = ["pytest_ignore_collect", "pytest_runtest_makereport"]
NEXT = "next"
"""The tag of an operator's image to upgrade to."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A run of all tests leaves these out."""
    here = Path(__file__).parent
    asked = [Path(argument.partition("::")[0]).resolve() for argument in config.args]
    return None if any(here in (path, *path.parents) for path in asked) else True


@pytest.fixture(scope="session")
def operator_image() -> Image:
    return product("operator")


@pytest.fixture(scope="session")
def trainer_image() -> Image:
    return product("trainer")


@pytest.fixture(scope="session")
def hub(operator_image: Image, trainer_image: Image) -> Iterator[Cluster]:
    """A cluster with the images of the product."""
    with Cluster("hub", images=[operator_image, tagged(operator_image, NEXT), trainer_image]) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def release(hub: Cluster) -> Release:
    """The chart, installed there."""
    made = Release(hub)
    made.install("podCheckSeconds=2")
    return made


@pytest.fixture(scope="session")
def minio(hub: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Minio]:
    """A store that pods and this machine reach by the same address."""
    with Minio(tmp_path_factory.mktemp("minio"), hub.space.place) as server:
        yield server


@pytest.fixture(scope="session")
def observer(hub: Cluster) -> Iterator[Observer]:
    with Observer(hub) as watching:
        yield watching


@pytest.fixture(scope="session")
def banks(
    release: Release, observer: Observer, minio: Minio, tmp_path_factory: pytest.TempPathFactory
) -> RealFederation:
    """Two participants with their data, their policies, and what all read from the bucket."""
    made = RealFederation(tmp_path_factory.mktemp("banks"))
    made.write_data()
    made.upload(minio)
    made.settle_banks(release.cluster.control_plane.api)
    return made


@pytest.fixture(scope="session")
def alone(banks: RealFederation, minio: Minio) -> Iterator[subprocess.Popen[bytes]]:
    """`fedtrain run` of the same federation on this machine, while pods do the same."""
    process = banks.start_alone(minio)
    yield process
    process.kill()
    process.wait()


@pytest.fixture(scope="session")
def undisturbed(banks: RealFederation, alone: subprocess.Popen[bytes]) -> Digests:
    """What comes of it."""
    assert alone.wait(300) == 0, (banks.folder / "run.log").read_text()
    return digests(banks.ledger_alone())
