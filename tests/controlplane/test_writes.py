"""The operator's own client on a real API server: what it writes goes to the object that it means, or nowhere."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import kopf
import pytest
from fedtrain_operator.kube.api_error import ApiError
from fedtrain_operator.kube.client import Cluster

from fedtrain.manifests.kinds import PARTICIPANT, SECRET, Json
from hack.cluster.api import Api
from hack.cluster.control_plane import ControlPlane
from tests.controlplane.training import PARTICIPANTS, document

Does = Callable[[Callable[[Cluster], Awaitable[Json | None]]], Json | None]
ANOTHER = "00000000-0000-0000-0000-000000000000"
MAPPED: Json = {"datasets": [{"name": "tickets"}]}


@pytest.fixture
def record(api: Api) -> Iterator[Json]:
    """A Participant."""
    body = document("Participant", "of-writes", {"namespace": "at-writes", "allowedNamespaces": ["hub"]})
    yield api.create(PARTICIPANTS, body)
    api.delete(PARTICIPANTS, "of-writes")


@pytest.fixture
def does(kinds: ControlPlane) -> Does:
    """Calls the client."""
    admin = kinds.admin

    async def called(do: Callable[[Cluster], Awaitable[Json | None]]) -> Json | None:
        login = kopf.ConnectionInfo(server=admin.server, ca_path=str(admin.authority), token=admin.token)
        cluster = Cluster(lambda: login)
        try:
            return await do(cluster)
        finally:
            await cluster.close()

    return lambda do: asyncio.run(called(do))


def test_a_status_is_written_whole(does: Does, record: Json, api: Api) -> None:
    does(lambda cluster: cluster.write_status(PARTICIPANT, record, {**MAPPED, "version": "1"}))
    record = api.get(PARTICIPANTS, "of-writes")
    told = does(lambda cluster: cluster.write_status(PARTICIPANT, record, MAPPED))
    assert told is not None
    assert told["status"] == MAPPED


def test_a_status_is_not_written_over_what_is_not_known_of_the_object(does: Does, record: Json, api: Api) -> None:
    api.patch(PARTICIPANTS, "of-writes", {"metadata": {"annotations": {"by": "somebody"}}})
    assert does(lambda cluster: cluster.write_status(PARTICIPANT, record, MAPPED)) is None
    assert "status" not in api.get(PARTICIPANTS, "of-writes")


def test_a_field_is_not_written_to_another_object_of_the_name(does: Does, record: Json, api: Api) -> None:
    api.patch(PARTICIPANTS, "of-writes", {"metadata": {"annotations": {"by": "somebody"}}})
    path, before = "/spec/namespace", {**record, "metadata": {**record["metadata"], "uid": ANOTHER}}
    assert does(lambda cluster: cluster.write_field(PARTICIPANT, before, path, "elsewhere")) is None
    assert api.get(PARTICIPANTS, "of-writes")["spec"]["namespace"] == "at-writes"
    assert does(lambda cluster: cluster.write_field(PARTICIPANT, record, path, "elsewhere"))
    assert api.get(PARTICIPANTS, "of-writes")["spec"]["namespace"] == "elsewhere"


def test_a_deleted_object_gets_no_status(does: Does, record: Json) -> None:
    gone = {**record, "metadata": {**record["metadata"], "name": "nobody"}}
    assert does(lambda cluster: cluster.write_status(PARTICIPANT, gone, MAPPED)) is None


def test_a_status_that_does_not_fit_the_kind_is_an_error(does: Does, record: Json) -> None:
    with pytest.raises(ApiError, match=r"status.datasets"):
        does(lambda cluster: cluster.write_status(PARTICIPANT, record, {"datasets": "tickets"}))


def test_a_try_to_create_creates_nothing_and_raises_whether_the_namespace_is_gone(
    does: Does, namespace: str, api: Api
) -> None:
    def tried(where: str) -> Json:
        body = {"metadata": {"name": "tried", "namespace": where}}
        does(lambda cluster: cluster.try_to_create(SECRET, body))
        return body

    tried(namespace)
    assert api.find("v1/secrets", "tried", namespace) is None
    with pytest.raises(ApiError, match="404 NotFound") as missing:
        tried("nowhere")
    assert missing.value.no_namespace
    kept = {"metadata": {"name": "kept", "finalizers": ["example.org/kept"]}}
    api.create("v1/configmaps", kept, namespace)
    api.delete("v1/namespaces", namespace)
    try:
        with pytest.raises(ApiError, match="because it is being terminated") as terminating:
            tried(namespace)
        assert terminating.value.no_namespace
    finally:
        api.patch("v1/configmaps", "kept", {"metadata": {"finalizers": None}}, namespace)
