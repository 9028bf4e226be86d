"""A participant's token at the hub: what it allows, what it does not allow, and its renewal."""

import asyncio
import base64
from contextlib import suppress
from pathlib import Path
from typing import Any

import kopf
import pytest
from fedtrain_operator.kube.client import Cluster
from fedtrain_operator.kube.hub_access import connection
from fedtrain_operator.participant.sites import Sites
from fedtrain_operator.participant.token_renewal import TokenRenewal

from fedtrain.manifests import labels
from fedtrain.manifests.invitation import ACCOUNT, TOKEN_HOURS
from fedtrain.manifests.settings import Hub
from fedtrain.manifests.token_claims import expires_at, issued_at
from hack.cluster.api import Api, Json, Refused
from hack.cluster.control_plane import ControlPlane
from hack.cluster.eventually import eventually
from hack.cluster.kubeconfig import Credentials
from tests.controlplane.joining import RENEWED_SECRET, invite, order
from tests.controlplane.requests_of_a_participant import ACCOUNTS, ATTEMPTS, OTHER, SECRETS
from tests.controlplane.training import PARTICIPANTS, TASKS


@pytest.fixture(scope="module")
def token(kinds: ControlPlane, operator_account: Credentials, tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    """A participant's own, beside another participant with a task and a Secret, and a hub with its objects."""
    folder, api = tmp_path_factory.mktemp("isolation"), kinds.api
    for who in ("bank-i", OTHER):
        invite(kinds, who, folder)
        eventually(lambda who=who: api.find(ACCOUNTS, "default", who))
        api.create(TASKS, order("one", who), who)
        for name in ("keys", labels.TRANSFER_SECRET):
            api.create(SECRETS, {"metadata": {"name": name}, "stringData": {"a": "b"}}, who)
    api.create("v1/namespaces", {"metadata": {"name": "isolated-hub"}})
    api.create(SECRETS, {"metadata": {"name": "federation-store"}, "stringData": {"a": "b"}}, "isolated-hub")
    found = kinds.kubectl("create", "token", ACCOUNT, "--namespace=bank-i", f"--duration={TOKEN_HOURS}h").strip()
    mine = Credentials(kinds.admin.server, kinds.admin.authority, found)
    eventually(lambda: may_read(Api(mine)))
    return mine


def may_read(api: Api) -> bool:
    """Whether the API server knows the role of the token."""
    with suppress(Refused):
        return bool(api.list(TASKS, "bank-i") and api.get(SECRETS, labels.TRANSFER_SECRET, "bank-i"))
    return False


def send(api: Api, verb: str, arguments: tuple[Any, ...]) -> None:
    if verb == "impersonate":
        api.act_as(*arguments).list(TASKS, OTHER)
        return
    if verb == "create" and arguments[0].startswith(f"{ACCOUNTS}/"):  # a subresource
        resource, body, namespace = arguments
        name = resource.split("/")[2]
        api._call("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token", body)  # pyright: ignore[reportPrivateUsage]
        return
    getattr(api, verb)(*arguments)


@pytest.mark.parametrize(("verb", "arguments"), ATTEMPTS.values(), ids=ATTEMPTS.keys())
def test_a_participants_token_does_not_allow(token: Credentials, verb: str, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(Refused) as refusal:
        send(Api(token), verb, arguments)
    assert refusal.value.code == 403


MALFORMED_HEARTBEATS: tuple[Json, ...] = (
    {"version": "x" * 10_000},
    {"lastSeen": "tomorrow"},
    {"heartbeatSeconds": 10**9},
    {"datasets": [{"name": f"d-{number}"} for number in range(1001)]},
    {"datasets": [{"name": "../tickets"}]},
    {"datasets": [{"name": "tickets", "samples": -1}]},
    {"gpus": {"offered": -1, "free": 0}},
    {"runningTasks": ["x"] * 101},
)
"""Statuses of its own Participant."""


def refused_as_invalid(api: Api, *patch: Any) -> bool:
    with pytest.raises(Refused) as refusal:
        api.patch(*patch)
    return refusal.value.reason == "Invalid"


def test_the_token_allows_to_read_tasks_and_signed_requests_and_to_write_their_status_and_the_participants(
    token: Credentials, kinds: ControlPlane
) -> None:
    api = Api(token)
    assert api.get(SECRETS, labels.TRANSFER_SECRET, "bank-i")["data"]
    assert [body["metadata"]["name"] for body in api.list(TASKS, "bank-i")] == ["one"]
    before = api.get(TASKS, "one", "bank-i")
    owner = {"apiVersion": "v1", "kind": "Namespace", "name": "bank-i", "uid": "u", "blockOwnerDeletion": True}
    marks: Json = {
        "labels": {labels.PARTICIPANT: OTHER},
        "annotations": {"a": "b"},
        "finalizers": ["example.org/stays"],
    }
    marks |= {"ownerReferences": [owner], "deletionTimestamp": "2020-01-01T00:00:00Z", "generation": 99}
    newer = {"phase": "Pending", "fieldOfTomorrow": {"deep": [1, 2]}}
    change = {"metadata": marks, "spec": {"desiredState": "Cancel"}, "status": newer}
    after = api.patch(TASKS, "one", change, "bank-i", "status")
    assert after["spec"] == before["spec"], "a write of the status changes nothing else"
    assert all(after["metadata"].get(name) == before["metadata"].get(name) for name in marks)
    assert after["status"] == {"phase": "Pending"}, "a newer participant's status is taken without what is unknown here"
    record = kinds.api.get(PARTICIPANTS, "bank-i")
    change = {"metadata": marks, "status": {"version": "1"}, "spec": {"namespace": OTHER}}
    changed = api.patch(PARTICIPANTS, "bank-i", change, "", "status")
    assert changed["spec"] == record["spec"]
    assert all(changed["metadata"].get(name) == record["metadata"].get(name) for name in marks)
    for malformed in ({"message": "x" * 10_000}, {"phase": "Committed"}, {"conditions": [{}] * 100}):
        assert refused_as_invalid(api, TASKS, "one", {"status": malformed}, "bank-i", "status")
    for malformed in MALFORMED_HEARTBEATS:
        assert refused_as_invalid(api, PARTICIPANTS, "bank-i", {"status": malformed}, "", "status"), malformed


def test_the_operator_renews_its_token_with_its_own_rights(
    kinds: ControlPlane, token: Credentials, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(token.token)
    (tmp_path / "ca.crt").write_bytes(token.authority.read_bytes())
    kinds.api.create("v1/namespaces", {"metadata": {"name": "renewals"}})
    kinds.api.create(SECRETS, {"metadata": {"name": RENEWED_SECRET}}, "renewals")
    hub = Hub(
        server=token.server,
        namespace="bank-i",
        participant="bank-i",
        credentials=str(tmp_path),
        service_account=ACCOUNT,
        token_secret=RENEWED_SECRET,
    )
    now = issued_at(token.token)
    life = expires_at(token.token) - now

    async def renew(clock: float) -> None:
        admin = kopf.ConnectionInfo(
            server=kinds.admin.server, ca_path=str(kinds.admin.authority), token=kinds.admin.token
        )
        sites = Sites(Cluster(lambda: connection(hub), ("bank-i",)), Cluster(lambda: admin, ("renewals",)))
        await TokenRenewal(sites, hub, lambda: clock).check()
        await sites.hub.close()
        await sites.here.close()

    asyncio.run(renew(now + 0.09 * life))
    assert "data" not in kinds.api.get(SECRETS, RENEWED_SECRET, "renewals")
    asyncio.run(renew(now + 0.11 * life))
    renewed = base64.b64decode(kinds.api.get(SECRETS, RENEWED_SECRET, "renewals")["data"]["renewed-token"]).decode()
    assert expires_at(renewed) - issued_at(renewed) == life
    assert Api(Credentials(token.server, token.authority, renewed)).list(TASKS, "bank-i")
