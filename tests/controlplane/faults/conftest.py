"""What the tests of faults share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clusters.api import Api
from tests.clusters.minio import Minio
from tests.controlplane.pods import Pods
from tests.controlplane.training import Federation


@pytest.fixture
def pods(api: Api, zygote: str, tmp_path: Path) -> Iterator[Pods]:
    with Pods(api, zygote, tmp_path / "pods") as running:
        yield running


@pytest.fixture
def federation(banks: Federation, api: Api, minio: Minio, namespace: str) -> Federation:
    """Bucket and Secret are there; the training is not."""
    made = Federation(banks.folder, namespace)
    made.make_bucket(minio)
    made.give_keys(api, minio)
    return made
