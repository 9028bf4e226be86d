"""A cluster with fedtrain in it, as its users have it. Tests with real pods run when they are asked for by name, with
root: `make e2e`."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clusters.cluster import Cluster
from tests.clusters.engine import CHOICES, Engine, engine
from tests.clusters.images import Image
from tests.clusters.kind_cluster import KindCluster
from tests.clusters.minio import Minio
from tests.clusters.products import PRODUCTS, ROOT, containerfile, product, reference, tagged
from tests.clusters.reports import pytest_runtest_makereport
from tests.clusters.whole import WholeCluster
from tests.controlplane.training import Digests, digests
from tests.e2e.federation import RealFederation
from tests.e2e.installing import Release
from tests.e2e.observer import Observer

__all__ = ["pytest_addoption", "pytest_ignore_collect", "pytest_runtest_makereport", "pytest_terminal_summary"]
NEXT = "next"
"""The tag of an operator's image to upgrade to."""


BUILT_HERE = ("test_images.py", "test_whole_cluster.py")
"""Those about clusters and images that need no engine."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--engine", choices=CHOICES, help="clusters are kind's, in this one; by default one that answers")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if within := _engine(config):
        terminalreporter.write_line(f"in kind's clusters, in {within.program}; left out: {', '.join(BUILT_HERE)}")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A run of all tests leaves these out."""
    here = Path(__file__).parent
    asked = [Path(argument.partition("::")[0]).resolve() for argument in config.args]
    if not any(here in (path, *path.parents) for path in asked):
        return True
    return True if collection_path.name in BUILT_HERE and _engine(config) else None


@pytest.fixture(scope="session")
def operator_image() -> Image:
    return product("operator")


@pytest.fixture(scope="session")
def trainer_image() -> Image:
    return product("trainer")


@pytest.fixture(scope="session")
def hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeCluster]:
    """A cluster with the images of the product."""
    if within := _engine(request.config):
        with KindCluster("e2e", within, tmp_path_factory.getbasetemp()) as cluster:
            next_one = f"{reference('operator').rpartition(':')[0]}:{NEXT}"
            cluster.furnish(
                {reference(name): containerfile(name) for name in PRODUCTS}, ROOT, {next_one: reference("operator")}
            )
            yield cluster
    else:
        operator: Image = request.getfixturevalue("operator_image")
        trainer: Image = request.getfixturevalue("trainer_image")
        with Cluster("hub", images=[operator, tagged(operator, NEXT), trainer]) as cluster:
            yield cluster


@pytest.fixture(scope="session")
def release(hub: WholeCluster) -> Release:
    """The chart, installed there."""
    made = Release(hub)
    made.install("podCheckSeconds=2")
    return made


@pytest.fixture(scope="session")
def minio(hub: WholeCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Minio]:
    """A store that pods and this machine reach by the same address."""
    with Minio(tmp_path_factory.mktemp("minio"), hub.place) as server:
        yield server


@pytest.fixture(scope="session")
def observer(hub: WholeCluster) -> Iterator[Observer]:
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


def _engine(config: pytest.Config) -> Engine | None:
    return engine(config.getoption("--engine", None))
