"""What a failed test says of the clusters it used; a conftest.py takes part by importing the hook."""

from collections.abc import Generator

import pytest

from hack.cluster.cluster import Cluster
from hack.cluster.control_plane import ControlPlane
from hack.cluster.s3_server import S3Server


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test says where the logs of the programs it used are."""
    report = yield
    used: dict[str, object] = getattr(item, "funcargs", {})
    for fixture in used.values():
        if report.failed and isinstance(fixture, ControlPlane | Cluster | S3Server):
            report.sections.append(("Logs of the programs", str(fixture.logs)))
    return report
