"""A participant's token at the hub: what it allows, what it does not allow, and its renewal."""

import asyncio
import base64
from pathlib import Path
from typing import Any

import kopf
import pytest
from fedtrain_operator.kube.client import Cluster
from fedtrain_operator.kube.hub_access import connection
from fedtrain_operator.participant.sites import Sites
from fedtrain_operator.participant.token_renewal import TokenRenewal

from fedtrain.manifests import labels
from fedtrain.manifests.invitation import ACCOUNT
from fedtrain.manifests.settings import Hub
from fedtrain.manifests.token_claims import expires_at, issued_at
from hack.cluster.api import Api, Json, Refused
from hack.cluster.control_plane import ControlPlane
from hack.cluster.eventually import eventually
from hack.cluster.kubeconfig import Credentials
from tests.controlplane.joining import RENEWED_SECRET, invite, order
from tests.controlplane.training import JOBS, PARTICIPANTS, POLICIES, PYTORCHJOBS, TASKS, TRAININGS, document

OTHER = "bank-s"


SECRETS, ACCOUNTS, PODS = "v1/secrets", "v1/serviceaccounts", "v1/pods"


RBAC = "rbac.authorization.k8s.io/v1"


LEASES = "coordination.k8s.io/v1/leases"


FEDTRAIN = "/apis/fedtrain.dev/v1alpha1/namespaces"


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
    found = kinds.kubectl("create", "token", ACCOUNT, "--namespace=bank-i").strip()
    mine = Credentials(kinds.admin.server, kinds.admin.authority, found)
    eventually(lambda: Api(mine).list(TASKS, "bank-i"))
    return mine


def named(**content: Any) -> Json:
    return {"metadata": {"name": "new"}, **content}


TOKEN: Json = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}


TO_ME = {"subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": "bank-i"}]}


ADMIN = {"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}}


POD = {"spec": {"containers": [{"name": "x", "image": "x"}]}}


ATTEMPTS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "list another's tasks": ("list", (TASKS, OTHER)),
    "read another's task": ("get", (TASKS, "one", OTHER)),
    "list all tasks": ("list", (TASKS,)),
    "write another's status": ("patch", (TASKS, "one", {"status": {"phase": "Failed"}}, OTHER, "status")),
    "cancel another's task": ("patch", (TASKS, "one", {"spec": {"desiredState": "Cancel"}}, OTHER)),
    "delete another's task": ("delete", (TASKS, "one", OTHER)),
    "create a task for another": ("create", (TASKS, order("new", OTHER), OTHER)),
    "create an own task": ("create", (TASKS, order("new", "bank-i"), "bank-i")),
    "change the own task": ("patch", (TASKS, "one", {"spec": {"desiredState": "Cancel"}}, "bank-i")),
    "relabel the own task": ("patch", (TASKS, "one", {"metadata": {"labels": {"a": "b"}}}, "bank-i")),
    "delete the own task": ("delete", (TASKS, "one", "bank-i")),
    "list participants": ("list", (PARTICIPANTS,)),
    "read the own Participant": ("get", (PARTICIPANTS, "bank-i")),
    "read another Participant": ("get", (PARTICIPANTS, OTHER)),
    "write another Participant's status": ("patch", (PARTICIPANTS, OTHER, {"status": {"version": "0"}}, "", "status")),
    "change who may use it": ("patch", (PARTICIPANTS, "bank-i", {"spec": {"allowedNamespaces": ["*"]}})),
    "change another Participant": ("patch", (PARTICIPANTS, OTHER, {"spec": {"namespace": "bank-i"}})),
    "create a Participant": (
        "create",
        (PARTICIPANTS, document("Participant", "new", {"namespace": OTHER, "allowedNamespaces": ["*"]})),
    ),
    "delete the own Participant": ("delete", (PARTICIPANTS, "bank-i")),
    "delete another Participant": ("delete", (PARTICIPANTS, OTHER)),
    "list the own namespace's Secrets": ("list", (SECRETS, "bank-i")),
    "read a Secret in the own namespace": ("get", (SECRETS, "keys", "bank-i")),
    "create a Secret in the own namespace": ("create", (SECRETS, named(), "bank-i")),
    "change the signed requests": ("patch", (SECRETS, labels.TRANSFER_SECRET, {"data": {}}, "bank-i")),
    "delete the signed requests": ("delete", (SECRETS, labels.TRANSFER_SECRET, "bank-i")),
    "read another's signed requests": ("get", (SECRETS, labels.TRANSFER_SECRET, OTHER)),
    "write another's signed requests": ("patch", (SECRETS, labels.TRANSFER_SECRET, {"data": {}}, OTHER)),
    "list another's Secrets": ("list", (SECRETS, OTHER)),
    "read another's Secret": ("get", (SECRETS, "keys", OTHER)),
    "read the ledger's keys": ("get", (SECRETS, "federation-store", "isolated-hub")),
    "list all Secrets": ("list", (SECRETS,)),
    "list trainings": ("list", (TRAININGS,)),
    "list trainings of a namespace": ("list", (TRAININGS, "isolated-hub")),
    "create a training": ("create", (TRAININGS, document("FederatedTraining", "new", {}), "bank-i")),
    "list policies": ("list", (POLICIES, "bank-i")),
    "list Leases": ("list", (LEASES, "bank-i")),
    "create a Lease": ("create", (LEASES, named(), "bank-i")),
    "list pods": ("list", (PODS, "bank-i")),
    "create a pod": ("create", (PODS, named(**POD), "bank-i")),
    "create a Job": ("create", (JOBS, named(spec={"template": POD}), "bank-i")),
    "create a PyTorchJob": ("create", (PYTORCHJOBS, named(), "bank-i")),
    "list ConfigMaps": ("list", ("v1/configmaps", "bank-i")),
    "list events": ("list", ("v1/events", "bank-i")),
    "list namespaces": ("list", ("v1/namespaces",)),
    "read another's namespace": ("get", ("v1/namespaces", OTHER)),
    "delete the own namespace": ("delete", ("v1/namespaces", "bank-i")),
    "list nodes": ("list", ("v1/nodes",)),
    "list ServiceAccounts": ("list", (ACCOUNTS, "bank-i")),
    "change the own ServiceAccount": ("patch", (ACCOUNTS, ACCOUNT, {"metadata": {"labels": {"a": "b"}}}, "bank-i")),
    "a token of another ServiceAccount": ("create", (f"{ACCOUNTS}/default/token", TOKEN, "bank-i")),
    "a token of another participant": ("create", (f"{ACCOUNTS}/{ACCOUNT}/token", TOKEN, OTHER)),
    "a token of the hub's operator": ("create", (f"{ACCOUNTS}/fedtrain/token", TOKEN, "fedtrain")),
    "more rights in the own namespace": ("create", (f"{RBAC}/rolebindings", named(**TO_ME, **ADMIN), "bank-i")),
    "more rights in the cluster": ("create", (f"{RBAC}/clusterrolebindings", named(**TO_ME, **ADMIN))),
    "a wider Role": ("patch", (f"{RBAC}/roles", ACCOUNT, {"rules": []}, "bank-i")),
    "a wider ClusterRole": ("patch", (f"{RBAC}/clusterroles", f"{ACCOUNT}:bank-i", {"rules": []})),
    "list ClusterRoles": ("list", (f"{RBAC}/clusterroles",)),
    "watch another's tasks": ("_call", ("GET", f"{FEDTRAIN}/{OTHER}/trainingtasks?watch=1")),
    "delete all own tasks": ("_call", ("DELETE", f"{FEDTRAIN}/bank-i/trainingtasks")),
    "replace the own task": ("_call", ("PUT", f"{FEDTRAIN}/bank-i/trainingtasks/one", order("one", "bank-i"))),
    "act as an administrator": ("impersonate", ("system:admin",)),
    "act as another participant": ("impersonate", (f"system:serviceaccount:{OTHER}:{ACCOUNT}",)),
    "run a command in a pod of the hub": ("_call", ("POST", "/api/v1/namespaces/fedtrain/pods/x/exec?command=sh")),
    "read a log of the hub": ("_call", ("GET", "/api/v1/namespaces/fedtrain/pods/x/log")),
    "reach a service of the hub": ("_call", ("GET", "/api/v1/namespaces/fedtrain/services/x:8080/proxy/metrics")),
    "reach a node": ("_call", ("GET", "/api/v1/nodes/x/proxy/pods")),
    "ask for a certificate": ("create", ("certificates.k8s.io/v1/certificatesigningrequests", named())),
    "list CustomResourceDefinitions": ("list", ("apiextensions.k8s.io/v1/customresourcedefinitions",)),
}


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
    marks = {"labels": {"a": "b"}, "annotations": {"a": "b"}, "finalizers": ["example.org/stays"]}
    newer = {"phase": "Pending", "fieldOfTomorrow": {"deep": [1, 2]}}
    change = {"metadata": marks, "spec": {"desiredState": "Cancel"}, "status": newer}
    after = api.patch(TASKS, "one", change, "bank-i", "status")
    assert after["spec"] == before["spec"], "a write of the status changes nothing else"
    assert all(after["metadata"].get(name) == before["metadata"].get(name) for name in marks)
    assert after["status"] == {"phase": "Pending"}, "a newer participant's status is taken without what is unknown here"
    api.patch(PARTICIPANTS, "bank-i", {"status": {"version": "1"}, "spec": {"namespace": OTHER}}, "", "status")
    assert kinds.api.get(PARTICIPANTS, "bank-i")["spec"]["namespace"] == "bank-i"
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
