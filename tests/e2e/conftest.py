"""A cluster with fedtrain in it, as its users have it. Tests with real pods run when they are asked for by name, with
root: `make e2e`."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from hack.cluster.cluster import Cluster
from hack.cluster.engine import CHOICES, Engine, engine
from hack.cluster.images import Image
from hack.cluster.kind_cluster import KindCluster
from hack.cluster.products import PRODUCTS, ROOT, containerfile, product, reference, retagged
from hack.cluster.reports import pytest_runtest_makereport
from hack.cluster.s3_server import S3Server
from hack.cluster.whole import WholeCluster
from tests.controlplane.training import Digests
from tests.e2e.federation import RealFederation
from tests.e2e.installing import API_SERVERS, Release, connects_to
from tests.e2e.observer import Observer

__all__ = ["pytest_addoption", "pytest_ignore_collect", "pytest_runtest_makereport", "pytest_terminal_summary"]
NEXT = "next"
"""The tag of an operator's image to upgrade to."""


BUILT_HERE = ("test_images.py", "test_three_clusters.py", "test_whole_cluster.py")
"""Tests of clusters and images that need no engine."""
LEFT_OUT = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--engine", choices=CHOICES, help="clusters are kind's, in this one; by default one that answers")
    rounds = "of the quickstart's file over three clusters; it has 12"
    parser.addoption("--quickstart-rounds", type=int, default=1, help=rounds)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if left_out := config.stash.get(LEFT_OUT, []):
        terminalreporter.write_line(f"left out, for clusters are kind's: {', '.join(left_out)} (see --engine)")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A run of all tests leaves these out."""
    here = Path(__file__).parent
    asked = [Path(argument.partition("::")[0]).resolve() for argument in config.args]
    if not any(here in (path, *path.parents) for path in asked):
        return True
    if collection_path.name not in BUILT_HERE or not _engine(config.getoption("--engine")):
        return None
    config.stash.setdefault(LEFT_OUT, []).append(collection_path.name)
    return True


@pytest.fixture(scope="session")
def operator_image() -> Image:
    return product("operator")


@pytest.fixture(scope="session")
def trainer_image() -> Image:
    return product("trainer")


@pytest.fixture(scope="session")
def hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeCluster]:
    """A cluster with the images of the product."""
    if within := _engine(request.config.getoption("--engine")):
        with KindCluster(within, tmp_path_factory.getbasetemp()) as cluster:
            images = {reference(name): containerfile(name) for name in PRODUCTS}
            cluster.furnish(images, ROOT, {retagged(reference("operator"), NEXT): reference("operator")})
            yield cluster
    else:
        operator: Image = request.getfixturevalue("operator_image")
        trainer: Image = request.getfixturevalue("trainer_image")
        later = replace(operator, reference=retagged(operator.reference, NEXT))
        with Cluster("hub", images=[operator, later, trainer]) as cluster:
            yield cluster


@pytest.fixture(scope="session")
def release(hub: WholeCluster, s3_server: S3Server) -> Release:
    """The chart, installed there."""
    made = Release(hub)
    made.install("podCheckSeconds=2", connects_to(*API_SERVERS, s3_server.address[1]))
    return made


@pytest.fixture(scope="session")
def s3_server(hub: WholeCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A store that pods and this machine reach by the same address."""
    with S3Server(tmp_path_factory.mktemp("store"), hub.place) as server:
        yield server


@pytest.fixture(scope="session")
def observer(hub: WholeCluster) -> Iterator[Observer]:
    with Observer(hub) as watching:
        yield watching


@pytest.fixture(scope="session")
def banks(
    release: Release, observer: Observer, s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> RealFederation:
    """Two participants with their data, their policies, and what all read from the bucket."""
    made = RealFederation(tmp_path_factory.mktemp("banks"))
    made.write_data()
    made.upload(s3_server)
    made.settle_banks(release.cluster.control_plane.api)
    return made


@pytest.fixture(scope="session")
def alone(banks: RealFederation, s3_server: S3Server) -> Iterator[subprocess.Popen[bytes]]:
    """`fedtrain run` of the same federation on this machine, while pods do the same."""
    with banks.alone(s3_server) as process:
        yield process


@pytest.fixture(scope="session")
def undisturbed(banks: RealFederation, alone: subprocess.Popen[bytes]) -> Digests:
    """What comes of it."""
    return banks.digests_alone(alone)


@cache
def _engine(named: str | None) -> Engine | None:
    return engine(named)
