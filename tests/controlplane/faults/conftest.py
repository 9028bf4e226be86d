"""What the tests of faults begin with, besides the fixtures of all tests of the control plane."""

from pathlib import Path

import pytest

from hack.cluster.api import Api
from hack.cluster.s3_server import S3Server
from tests.controlplane.faults.scene import Scene
from tests.controlplane.training import Federation


@pytest.fixture
def scene(
    federation: Federation, api: Api, s3_server: S3Server, zygote: str, operator_kubeconfig: Path, tmp_path: Path
) -> Scene:
    return Scene(federation, api, s3_server, zygote, operator_kubeconfig, tmp_path)
