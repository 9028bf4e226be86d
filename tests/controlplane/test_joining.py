"""A participant with a control plane of its own: invited, installed, connected, working, renewed, revoked; and what its
token cannot do at the hub."""

import asyncio
import base64
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import kopf
import pytest
from fedtrain_operator.kube.client import Cluster
from fedtrain_operator.kube.hub_access import connection, expires_at, issued_at
from fedtrain_operator.participant.journal import entry_of
from fedtrain_operator.participant.sites import Sites
from fedtrain_operator.participant.token_renewal import TokenRenewal

from fedtrain.contracts.audit import AuditFile, appended
from fedtrain.manifests import audit_log, labels, privacy_ledger
from fedtrain.manifests.conditions import find
from fedtrain.manifests.invitation import ACCOUNT
from fedtrain.manifests.settings import Hub
from hack.cluster.api import Api, Json, Refused
from hack.cluster.control_plane import ControlPlane
from hack.cluster.eventually import eventually
from hack.cluster.kubeconfig import Credentials
from tests.controlplane.chart import PARTICIPANT_CHART, Release, variables
from tests.controlplane.joining import HERE, HUB_SECRET, RENEWED_SECRET, WHO, Joined, fedtrain, invite, join
from tests.controlplane.objects_of_fedtrain import pytorch_job
from tests.controlplane.training import JOBS, PARTICIPANTS, POLICIES, PYTORCHJOBS, TASKS, TRAININGS, document
from tests.support.operating import Operator
from tests.unit.operator.worlds import signed, task

OTHER = "bank-s"
LONG = 120
CONFIG_MAPS = "v1/configmaps"
TRAINER = "localhost/fedtrain/trainer:0.1.0"
SECRETS, ACCOUNTS, PODS = "v1/secrets", "v1/serviceaccounts", "v1/pods"
RBAC = "rbac.authorization.k8s.io/v1"
LEASES = "coordination.k8s.io/v1/leases"
FEDTRAIN = "/apis/fedtrain.dev/v1alpha1/namespaces"


@pytest.fixture(scope="module")
def joined(
    kinds: ControlPlane, operator_account: Credentials, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Joined]:
    """The hub with its release, and the participant's control plane with its own."""
    with ControlPlane(tmp_path_factory.mktemp("bank")) as bank:
        made = join(kinds, bank, tmp_path_factory.mktemp("joined"))
        policy = {"datasets": [{"name": "tickets", "uri": "/data/tickets.jsonl"}], "limits": {"gpus": 4}}
        bank.api.create(POLICIES, document("ParticipantPolicy", WHO, policy), HERE)
        yield made


def order(name: str, who: str = WHO, gpus: int = 2) -> Json:
    """A TrainingTask as the coordinator creates it."""
    body = task("bank-b", participants=[{"name": "bank-a"}, {"name": "bank-b", "compute": {"gpusPerNode": gpus}}])
    metadata = {"name": name, "namespace": who, "labels": body["metadata"]["labels"] | {labels.CLUSTER: "Own"}}
    spec = {**body["spec"], "task": {**body["spec"]["task"], "participant": who}}
    return {**body, "metadata": metadata, "spec": spec}


def audited(joined: Joined) -> list[str]:
    """The events of the audit log, oldest first."""
    done = fedtrain(joined.bank, "audit", f"--namespace={HERE}")
    assert done.exit_code == 0, done.output
    return [line.split()[1] for line in done.output.splitlines() if "hub/tickets of https://" in line]


def connected(api: Api) -> str:
    found = find(api.get(PARTICIPANTS, WHO).get("status", {}).get("conditions", ()), "Connected")
    return found["status"] if found else ""


def status(api: Api, name: str) -> Json:
    return api.get(TASKS, name, WHO).get("status", {})


def test_a_participant_joins_works_and_is_revoked(joined: Joined, operator_kubeconfig: Path, tmp_path: Path) -> None:
    hub, bank = joined.hub.api, joined.bank.api
    coordinator = Operator(
        operator_kubeconfig, tmp_path, HEARTBEAT_SECONDS="1"
    )  # both controllers, as the chart has it
    participant = joined.operator(tmp_path)
    participant.may_be_refused = True  # once it is revoked
    with coordinator, participant:
        eventually(lambda: connected(hub) == "True", LONG)
        record = hub.get(PARTICIPANTS, WHO)["status"]
        assert record["datasets"] == [{"name": "tickets"}]
        line = next(one for one in fedtrain(joined.hub, "list").output.splitlines() if one.startswith(WHO))
        assert line.split()[1:3] == [WHO, "True"]
        assert line.split()[4:8] == ["4", "4", "0", "tickets"]

        uid = hub.create(TASKS, order("taken"), WHO)["metadata"]["uid"]
        eventually(lambda: status(hub, "taken").get("reason") == "NotSigned", LONG)
        assert bank.find(PYTORCHJOBS, "taken", HERE) is None
        hub.create(SECRETS, signed(uid), WHO)
        job = eventually(lambda: bank.find(PYTORCHJOBS, "taken", HERE), LONG)
        assert "ownerReferences" not in job["metadata"]
        assert uid in bank.get(SECRETS, labels.TRANSFER_SECRET, HERE)["data"], "pods mount it here"
        assert hub.find(PYTORCHJOBS, "taken", WHO) is None, "the hub's own controller leaves it alone"

        hub.create(TASKS, order("greedy", gpus=8), WHO)
        eventually(lambda: status(hub, "greedy").get("phase") == "Refused", LONG)
        assert "bank-r's policy (limits.gpus) refuses the task" in status(hub, "greedy")["message"]
        assert bank.find(PYTORCHJOBS, "greedy", HERE) is None

        bank.patch(POLICIES, WHO, {"spec": {"suspend": True}}, HERE)
        eventually(lambda: bank.find(PYTORCHJOBS, "taken", HERE) is None, LONG)
        eventually(lambda: status(hub, "taken").get("reason") == "HeldByPolicy", LONG)
        bank.patch(POLICIES, WHO, {"spec": {"suspend": False, "approval": "Manual"}}, HERE)
        eventually(lambda: bank.get(POLICIES, WHO, HERE).get("status", {}).get("pendingApprovals"), LONG)
        approved = fedtrain(joined.bank, "approve", "hub/tickets", f"--namespace={HERE}", "--yes")
        assert approved.exit_code == 0, approved.output
        eventually(lambda: bank.find(PYTORCHJOBS, "taken", HERE), LONG)

        hub.delete(TASKS, "taken", WHO)
        eventually(lambda: bank.find(PYTORCHJOBS, "taken", HERE) is None, LONG)
        eventually(lambda: not bank.get(SECRETS, labels.TRANSFER_SECRET, HERE).get("data"), LONG)

        expected = ["Started", "Refused", "Stopped", "Waiting", "Started", "Cancelled"]
        eventually(lambda: audited(joined) == expected, LONG)
        reasons = {f"Task{word}" for word in expected}
        eventually(lambda: {body["reason"] for body in bank.list("v1/events", HERE)} >= reasons, LONG)

        values = invite(joined.hub, WHO, tmp_path, "reinvite")
        eventually(lambda: refuses(joined.as_participant), 60)
        eventually(lambda: connected(hub) == "False", LONG)
        joined.files.joinpath("token").write_text(values["hub"]["token"])
        eventually(lambda: connected(hub) == "True", LONG)

        revoked = fedtrain(joined.hub, "revoke", WHO)
        assert revoked.exit_code == 0, revoked.output
        newest = Credentials(joined.hub.admin.server, joined.hub.admin.authority, values["hub"]["token"])
        eventually(lambda: refuses(Api(newest)), 60)
        assert hub.find(PARTICIPANTS, WHO) is None
        assert hub.find(TASKS, "greedy", WHO) is not None


def test_an_operator_at_the_hub_runs_the_jobs_of_the_cluster_whose_kubeconfig_it_has(
    joined: Joined, tmp_path: Path
) -> None:
    """docs/participants.md, "Push". The real pod mounts the two Secrets as files."""
    site, hub, cluster = "site-1", joined.hub.api, joined.bank.api
    invite(joined.hub, site, tmp_path)
    flags = (f"--values={tmp_path / f'{site}.yaml'}",)
    Release(joined.bank, site, "fedtrain-participant", PARTICIPANT_CHART).install(
        *flags, **{"operator.enabled": False, "crds.enabled": False}
    )
    policy = {"datasets": [{"name": "tickets", "uri": "/data/tickets.jsonl"}]}
    cluster.create(POLICIES, document("ParticipantPolicy", site, policy), site)
    annotations = {"kubernetes.io/service-account.name": ACCOUNT}
    token = {
        "metadata": {"name": "site-1-hub", "annotations": annotations},
        "type": "kubernetes.io/service-account-token",
    }
    hub.create(SECRETS, token, site)
    release = Release(joined.hub, site, site, PARTICIPANT_CHART)
    at_the_hub = {"kubeconfigSecret": "site-1-cluster", "hub.existingSecret": "site-1-hub", "hub.serviceAccount": ""}
    off = {"crds.enabled": False, "rbac.create": False, "admissionPolicies.enabled": False}
    release.install(*flags, **at_the_hub, **off, **{"serviceAccount.name": site})

    files = eventually(lambda: hub.get(SECRETS, "site-1-hub", site).get("data"), LONG)
    for name in ("token", "ca.crt"):
        (tmp_path / name).write_bytes(base64.b64decode(files[name]))
    name = f"{site}-fedtrain-participant"
    pod = hub.get("apps/v1/deployments", name, site)["spec"]["template"]["spec"]
    given = {key.removeprefix("FEDTRAIN_"): value for key, value in variables(pod).items() if "FEDTRAIN" in key}
    settings = {key: value for key, value in given.items() if not key.endswith("_PORT")}
    kubeconfig = joined.bank.service_account(site, "fedtrain-participant").write(tmp_path / "kubeconfig")
    settings |= {"HUB_CREDENTIALS": str(tmp_path), "HEARTBEAT_SECONDS": "1", "POD_CHECK_SECONDS": "1"}
    with Operator(kubeconfig, tmp_path, **settings):
        eventually(lambda: hub.get(PARTICIPANTS, site).get("status", {}).get("datasets") == [{"name": "tickets"}], LONG)
        body = order("pushed", site)
        body["metadata"]["labels"] |= {labels.PARTICIPANT: site}
        hub.create(SECRETS, signed(hub.create(TASKS, body, site)["metadata"]["uid"]), site)
        eventually(lambda: cluster.find(PYTORCHJOBS, "pushed", site), LONG)


def test_the_operator_writes_its_jobs_and_adds_lines_to_the_audit_log_and_nothing_else(joined: Joined) -> None:
    bank, account = joined.bank.api, Api(joined.release.account())
    foreign = {"metadata": {"name": "settings", "labels": labels.OURS}, "data": {"a": "b"}}
    eventually(lambda: refused(account.create, CONFIG_MAPS, foreign, HERE))  # the policies are in effect

    job = bank_job("mine")
    assert account.create(PYTORCHJOBS, job, HERE, dry_run=True)
    assert refused(account.create, PYTORCHJOBS, {**job, "metadata": {"name": "mine"}}, HERE), "without the label"
    changes: tuple[Json, ...] = (
        {"image": "example.org/foreign:1"},
        {"volumes": [{"name": "keys", "secret": {"secretName": HUB_SECRET}}]},
        {"serviceAccountName": "fedtrain-participant"},
    )
    for change in changes:
        assert refused(account.create, PYTORCHJOBS, bank_job("mine", **change), HERE), change

    if bank.find(CONFIG_MAPS, audit_log.NAME, HERE) is None:
        account.create(CONFIG_MAPS, audit_log.current(AuditFile(), HERE, WHO), HERE)
    before = audit_log.file_of(account.get(CONFIG_MAPS, audit_log.NAME, HERE))
    added = appended(before, entry_of(order("one") | {"metadata": {"name": "one", "uid": "u"}}, "Started", "h", "t"))
    account.patch(CONFIG_MAPS, audit_log.NAME, {"data": audit_log.data_of(added)}, HERE)
    for wrong in (before, replace(added, text=added.text.replace("one", "two")), replace(added, number=2, text="")):
        assert refused(account.patch, CONFIG_MAPS, audit_log.NAME, {"data": audit_log.data_of(wrong)}, HERE)
    copy = audit_log.archive(added, HERE, WHO)
    assert refused(account.create, CONFIG_MAPS, {**copy, "immutable": False}, HERE)
    assert account.create(CONFIG_MAPS, copy, HERE, dry_run=True)
    assert refused(account.delete, CONFIG_MAPS, audit_log.NAME, HERE)
    assert refused(account.list, CONFIG_MAPS, HERE)

    ledger: Json = {
        "metadata": {"name": privacy_ledger.CONFIG_MAP, "labels": labels.OURS},
        "data": {"bank.tickets.r1": "{}"},
    }
    if bank.find(CONFIG_MAPS, privacy_ledger.CONFIG_MAP, HERE) is None:
        account.create(CONFIG_MAPS, ledger, HERE)
    account.patch(CONFIG_MAPS, privacy_ledger.CONFIG_MAP, {"data": {"bank.tickets.r2": "{}"}}, HERE)
    removed = {"data": {"bank.tickets.r2": None}}
    assert refused(account.patch, CONFIG_MAPS, privacy_ledger.CONFIG_MAP, removed, HERE)
    assert refused(account.delete, CONFIG_MAPS, privacy_ledger.CONFIG_MAP, HERE)

    joined.release.uninstall()
    assert fedtrain(joined.bank, "audit", f"--namespace={HERE}").exit_code == 0
    assert bank.get(CONFIG_MAPS, audit_log.NAME, HERE)["data"] == audit_log.data_of(added), "the log stays"


def bank_job(name: str, image: str = TRAINER, volumes: Sequence[Json] = (), **pod: Any) -> Json:
    """A PyTorchJob as the operator creates it for the participant's policy, which names no Secrets."""
    body = pytorch_job(HERE, {})
    for replica in body["spec"]["pytorchReplicaSpecs"].values():
        spec = replica["template"]["spec"]
        spec["containers"][0]["image"] = image
        spec["volumes"] = [*(one for one in spec["volumes"] if "emptyDir" in one), *volumes]
        spec |= pod
    return {**body, "metadata": {"name": name, "labels": labels.OURS}}


def refused(act: Any, *arguments: Any) -> bool:
    try:
        act(*arguments)
    except Refused as refusal:
        return refusal.code == 403
    return False


def refuses(api: Api) -> bool:
    """Whether the hub no longer knows the token."""
    try:
        api.list(TASKS, WHO)
    except Refused as refusal:
        return refusal.code == 401
    return False


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


def test_the_token_allows_to_read_tasks_and_signed_requests_and_to_write_their_status_and_the_participants(
    token: Credentials, kinds: ControlPlane
) -> None:
    api = Api(token)
    assert api.get(SECRETS, labels.TRANSFER_SECRET, "bank-i")["data"]
    assert [body["metadata"]["name"] for body in api.list(TASKS, "bank-i")] == ["one"]
    before = api.get(TASKS, "one", "bank-i")["spec"]
    change = {"spec": {"desiredState": "Cancel"}, "status": {"phase": "Pending"}}
    after = api.patch(TASKS, "one", change, "bank-i", "status")
    assert after["spec"] == before, "a write of the status changes nothing else"
    api.patch(PARTICIPANTS, "bank-i", {"status": {"version": "1"}, "spec": {"namespace": OTHER}}, "", "status")
    assert kinds.api.get(PARTICIPANTS, "bank-i")["spec"]["namespace"] == "bank-i"
    for huge in ({"message": "x" * 10_000}, {"phase": "Committed"}, {"conditions": [{}] * 100}):
        with pytest.raises(Refused) as refusal:
            api.patch(TASKS, "one", {"status": huge}, "bank-i", "status")
        assert refusal.value.reason == "Invalid"


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
