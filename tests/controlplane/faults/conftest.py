"""What the tests of faults begin with, besides the fixtures of all tests of the control plane."""

from pathlib import Path

import pytest

from hack.cluster.api import Api
from hack.cluster.minio import Minio
from tests.controlplane.faults.scene import Scene
from tests.controlplane.training import Federation


@pytest.fixture
def scene(
    federation: Federation, api: Api, minio: Minio, zygote: str, operator_kubeconfig: Path, tmp_path: Path
) -> Scene:
    return Scene(federation, api, minio, zygote, operator_kubeconfig, tmp_path)
