"""The operator on a real API server with the real training operator: real trainers, no nodes.

The tests play the kubelet alone (`pods.py`): commands, environment and credentials are those of the pods.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clusters.api import Api, Json
from tests.clusters.control_plane import ControlPlane
from tests.clusters.eventually import eventually
from tests.clusters.minio import Minio
from tests.controlplane.operating import Operator
from tests.controlplane.pods import Pods
from tests.controlplane.training import Federation, digests

LONG = 120
PYTORCHJOBS = "kubeflow.org/v1/pytorchjobs"


@pytest.fixture(scope="module")
def zygote() -> Iterator[str]:
    """The address of a process that forks trainers."""
    with tempfile.TemporaryDirectory() as folder:
        address = str(Path(folder) / "zygote")
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).parent / "zygote.py"), address],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield address
        process.kill()
        process.wait()


@pytest.fixture
def api(kinds: ControlPlane) -> Api:
    return kinds.api


@pytest.fixture
def federation(api: Api, minio: Minio, namespace: str, tmp_path: Path) -> Iterator[Federation]:
    """Participants, policies, bucket and Secret are there; the training is not."""
    made = Federation(tmp_path, namespace)
    made.prepare(api, minio)
    yield made
    made.clean(api)


@pytest.fixture
def operator(kinds: ControlPlane, tmp_path: Path) -> Iterator[Operator]:
    with Operator(kinds.kubeconfig, tmp_path) as running:
        yield running


@pytest.fixture
def pods(api: Api, zygote: str, tmp_path: Path) -> Iterator[Pods]:
    with Pods(api, zygote, tmp_path / "pods") as running:
        yield running


def phase(federation: Federation, api: Api) -> str:
    return federation.status(api).get("phase", "")


def succeeded(federation: Federation, api: Api) -> Json:
    eventually(lambda: phase(federation, api) in ("Succeeded", "Failed"), LONG)
    status = federation.status(api)
    assert status["phase"] == "Succeeded", status
    return status


@pytest.mark.slow
@pytest.mark.usefixtures("operator", "pods")
def test_a_training_goes_from_apply_to_succeeded_with_the_digests_of_fedtrain_run(
    federation: Federation, api: Api, minio: Minio, zygote: str
) -> None:
    federation.apply(api, minio)
    status = succeeded(federation, api)
    assert (status["step"], status["participants"]) == (2, "2/2")
    assert status["metric"].startswith("loss ")
    assert [told["outcome"] for told in status["lastRounds"]] == ["Initial", "Committed", "Committed"]
    assert digests(federation.ledger(minio)) == digests(federation.run(zygote))
    eventually(lambda: [job for who in federation.who for job in api.list(PYTORCHJOBS, who)] == [])
    reasons = {event["reason"] for event in api.list("v1/events", federation.namespace)}
    assert {"Initialised", "RoundCommitted", "Succeeded"} <= reasons
