"""The key of the fingerprints of rows: made once in the participant's namespace, and mounted into its pods only."""

import asyncio
import base64
import json

import pytest
from fedtrain_operator.kube.api_error import ApiError
from fedtrain_operator.participant.fingerprint_key import ensure_key
from fedtrain_operator.participant.sites import Sites

from fedtrain.manifests import labels
from fedtrain.manifests.kinds import Json
from tests.unit.operator.api_server import ApiServer, Request
from tests.unit.operator.policy_tasks import train
from tests.unit.operator.test_noise_keys import mounted
from tests.unit.operator.test_participant_sites import HERE, Remote

NAMESPACE = "at-bank-a"
AT = ("secrets", NAMESPACE, labels.FINGERPRINT_SECRET)


def key_of(server: ApiServer, namespace: str = NAMESPACE) -> bytes:
    return base64.b64decode(server.objects["secrets", namespace, labels.FINGERPRINT_SECRET]["data"]["key"])


def test_it_is_made_once_and_never_replaced() -> None:
    server = ApiServer(NAMESPACE)
    sites = Sites(hub=server, here=server)
    assert asyncio.run(ensure_key(sites, NAMESPACE))
    made = key_of(server)
    assert len(made) == 32
    assert server.objects[AT]["metadata"]["labels"] == labels.OURS
    assert asyncio.run(ensure_key(sites, NAMESPACE))
    assert key_of(server) == made
    other = ApiServer(NAMESPACE)
    assert asyncio.run(ensure_key(Sites(hub=other, here=other), NAMESPACE))
    assert key_of(other) != made


@pytest.mark.parametrize("exists", [False, True])
def test_of_two_operators_one_makes_it(exists: bool) -> None:
    server = ApiServer(NAMESPACE)
    empty: Json = {"metadata": {"name": labels.FINGERPRINT_SECRET, "namespace": NAMESPACE}}
    if exists:
        server.add("secrets", empty)

    def meanwhile(request: Request) -> None:
        if request.verb in ("create", "patch"):
            server.add("secrets", {**empty, "data": {"key": "b3RoZXI="}})

    server.fault = meanwhile
    sites = Sites(hub=server, here=server)
    assert not asyncio.run(ensure_key(sites, NAMESPACE))
    assert asyncio.run(ensure_key(sites, NAMESPACE))
    assert key_of(server) == b"other"


def test_a_cluster_of_its_own_keeps_it_in_the_secret_of_its_chart() -> None:
    remote = Remote()
    remote.reconcile()
    (job,) = remote.jobs
    key = key_of(remote.here, HERE)
    assert len(key) == 32
    assert labels.FINGERPRINT_SECRET in json.dumps(job), "its pods mount it"
    everything = json.dumps([list(remote.hub.objects.values()), job])
    assert base64.b64encode(key).decode() not in everything, "nothing at the hub has the key"


def test_without_its_secret_no_job_starts_and_the_status_says_what_to_do() -> None:
    remote = Remote()
    del remote.here.objects["secrets", HERE, labels.FINGERPRINT_SECRET]
    with pytest.raises(ApiError, match=r"Secret training/fedtrain-fingerprint does not exist. Run helm upgrade"):
        asyncio.run(ensure_key(remote.sites, HERE))
    remote.reconcile()
    assert remote.jobs == []
    status = remote.hub.objects["trainingtasks", remote.ref.namespace, remote.ref.name]["status"]
    assert "Secret training/fedtrain-fingerprint does not exist. Run helm upgrade" in json.dumps(status)


def test_every_pod_of_a_participant_mounts_it() -> None:
    _, secrets = mounted(train())
    assert labels.FINGERPRINT_SECRET in secrets
