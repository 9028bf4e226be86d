"""A participant with a control plane of its own: invited, installed, connected, working, invited again, revoked."""

import asyncio
import base64
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import kopf
import pytest
from fedtrain_operator.kube.client import Cluster
from fedtrain_operator.participant.journal import entry_of
from fedtrain_operator.participant.privacy_claims import enter, read_ledger

from fedtrain.contracts.audit import AuditFile, appended
from fedtrain.manifests import audit_log, labels, privacy_ledger
from fedtrain.manifests.conditions import find
from fedtrain.manifests.invitation import ACCOUNT
from fedtrain.manifests.policy_check import task_of
from hack.cluster.api import Api, Json, Refused
from hack.cluster.control_plane import ControlPlane
from hack.cluster.eventually import eventually
from hack.cluster.kubeconfig import Credentials
from tests.controlplane.chart import PARTICIPANT_CHART, Release, variables
from tests.controlplane.joining import HERE, HUB_SECRET, WHO, Joined, fedtrain, held_at, invite, join, order
from tests.controlplane.objects_of_fedtrain import pytorch_job
from tests.controlplane.planes import plane_in
from tests.controlplane.training import PARTICIPANTS, POLICIES, PYTORCHJOBS, TASKS, document
from tests.support.operating import Operator
from tests.unit.operator.test_privacy_ledger import order as promising
from tests.unit.operator.worlds import signed

CONFIG_MAPS, SECRETS = "v1/configmaps", "v1/secrets"
TRAINER = "localhost/fedtrain/trainer:0.1.0"


@pytest.fixture(scope="module")
def joined(
    kinds: ControlPlane, operator_account: Credentials, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Joined]:
    """The hub with its release, and the participant's control plane with its own."""
    with plane_in(tmp_path_factory.mktemp("bank")) as bank:
        made = join(kinds, bank, tmp_path_factory.mktemp("joined"))
        policy = {"datasets": [{"name": "tickets", "uri": "/data/tickets.jsonl"}], "limits": {"gpus": 4}}
        bank.api.create(POLICIES, document("ParticipantPolicy", WHO, policy), HERE)
        yield made


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


@pytest.mark.slow
def test_a_participant_joins_works_and_is_revoked(joined: Joined, operator_kubeconfig: Path, tmp_path: Path) -> None:
    hub, bank = joined.hub.api, joined.bank.api
    coordinator = Operator(
        operator_kubeconfig, tmp_path, HEARTBEAT_SECONDS="1"
    )  # both controllers, as the chart has it
    participant = joined.operator(tmp_path)
    participant.may_be_refused = True  # once it is revoked
    with coordinator, participant:
        eventually(lambda: connected(hub) == "True")
        eventually(lambda: hub.get(PARTICIPANTS, WHO)["status"].get("datasets") == [{"name": "tickets"}])
        line = next(one for one in fedtrain(joined.hub, "list").output.splitlines() if one.startswith(WHO))
        assert line.split()[1:3] == [WHO, "True"]
        assert line.split()[4:8] == ["4", "4", "0", "tickets"]

        uid = hub.create(TASKS, order("taken"), WHO)["metadata"]["uid"]
        eventually(lambda: status(hub, "taken").get("reason") == "NotSigned")
        assert bank.find(PYTORCHJOBS, "taken", HERE) is None
        hub.create(SECRETS, signed(uid), WHO)
        job = eventually(lambda: bank.find(PYTORCHJOBS, "taken", HERE))
        assert "ownerReferences" not in job["metadata"]
        assert uid in bank.get(SECRETS, labels.TRANSFER_SECRET, HERE)["data"], "pods mount it here"
        assert hub.find(PYTORCHJOBS, "taken", WHO) is None, "the hub's own controller leaves it alone"

        hub.create(TASKS, order("greedy", gpus=8), WHO)
        eventually(lambda: status(hub, "greedy").get("phase") == "Refused")
        assert "bank-r's policy (limits.gpus) refuses the task" in status(hub, "greedy")["message"]
        assert bank.find(PYTORCHJOBS, "greedy", HERE) is None

        bank.patch(POLICIES, WHO, {"spec": {"suspend": True}}, HERE)
        eventually(lambda: bank.find(PYTORCHJOBS, "taken", HERE) is None)
        eventually(lambda: status(hub, "taken").get("reason") == "HeldByPolicy")
        bank.patch(POLICIES, WHO, {"spec": {"suspend": False, "approval": "Manual"}}, HERE)
        eventually(lambda: bank.get(POLICIES, WHO, HERE).get("status", {}).get("pendingApprovals"))
        approved = fedtrain(joined.bank, "approve", "hub/tickets", f"--namespace={HERE}", "--yes")
        assert approved.exit_code == 0, approved.output
        eventually(lambda: bank.find(PYTORCHJOBS, "taken", HERE))

        hub.delete(TASKS, "taken", WHO)
        eventually(lambda: bank.find(PYTORCHJOBS, "taken", HERE) is None)
        eventually(lambda: not bank.get(SECRETS, labels.TRANSFER_SECRET, HERE).get("data"))

        expected = ["Started", "Refused", "Stopped", "Waiting", "Started", "Cancelled"]
        eventually(lambda: audited(joined) == expected)
        reasons = {f"Task{word}" for word in expected}
        eventually(lambda: {body["reason"] for body in bank.list("v1/events", HERE)} >= reasons)

        assert held_at(hub, joined.bank) == [], "the hub has no credential of the participant's cluster"
        values = invite(joined.hub, WHO, tmp_path, "reinvite")
        eventually(lambda: refuses(joined.as_participant))
        eventually(lambda: connected(hub) == "False")
        joined.files.joinpath("token").write_text(values["hub"]["token"])
        eventually(lambda: connected(hub) == "True")

        revoked = fedtrain(joined.hub, "revoke", WHO)
        assert revoked.exit_code == 0, revoked.output
        newest = Credentials(joined.hub.admin.server, joined.hub.admin.authority, values["hub"]["token"])
        eventually(lambda: refuses(Api(newest)))
        assert hub.find(PARTICIPANTS, WHO) is None
        assert hub.find(TASKS, "greedy", WHO) is not None


@pytest.mark.parametrize("held", ["kubeconfig", "token", "authority"])
def test_a_credential_of_the_participants_cluster_at_the_hub_would_be_found(joined: Joined, held: str) -> None:
    admin = joined.bank.admin
    text = {
        "kubeconfig": joined.bank.kubeconfig.read_text(),
        "token": joined.bank.service_account(HERE, "default").token,
        "authority": admin.authority.read_text(),
    }[held]
    joined.hub.api.create(SECRETS, {"metadata": {"name": "held"}, "stringData": {"x": text}}, "default")
    try:
        assert held_at(joined.hub.api, joined.bank) == ["default/held"]
    finally:
        joined.hub.api.delete(SECRETS, "held", "default")


def test_an_operator_at_the_hub_runs_the_jobs_of_the_cluster_whose_kubeconfig_it_has(
    joined: Joined, tmp_path: Path
) -> None:
    """docs/participants.md, "Push". The real pod mounts the two Secrets as files."""
    site, hub, cluster = "site-1", joined.hub.api, joined.bank.api
    invited = invite(joined.hub, site, tmp_path)["hub"]["token"]
    flags = (f"--values={tmp_path / f'{site}.yaml'}",)
    there = Release(joined.bank, site, "fedtrain-participant", PARTICIPANT_CHART)
    there.install(*flags, **{"operator.enabled": False, "hub.token": "", "crds.enabled": False})
    assert invited not in there.run(f"helm get all {there.name} --namespace={site}"), "the hub's token stays at the hub"
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

    files = eventually(lambda: hub.get(SECRETS, "site-1-hub", site).get("data"))
    for name in ("token", "ca.crt"):
        (tmp_path / name).write_bytes(base64.b64decode(files[name]))
    name = f"{site}-fedtrain-participant"
    pod = hub.get("apps/v1/deployments", name, site)["spec"]["template"]["spec"]
    given = {key.removeprefix("FEDTRAIN_"): value for key, value in variables(pod).items() if "FEDTRAIN" in key}
    settings = {key: value for key, value in given.items() if not key.endswith("_PORT")}
    kubeconfig = joined.bank.service_account(site, "fedtrain-participant").write(tmp_path / "kubeconfig")
    settings |= {"HUB_CREDENTIALS": str(tmp_path), "HEARTBEAT_SECONDS": "1", "POD_CHECK_SECONDS": "1"}
    with Operator(kubeconfig, tmp_path, **settings):
        eventually(lambda: hub.get(PARTICIPANTS, site).get("status", {}).get("datasets") == [{"name": "tickets"}])
        body = order("pushed", site)
        body["metadata"]["labels"] |= {labels.PARTICIPANT: site}
        hub.create(SECRETS, signed(hub.create(TASKS, body, site)["metadata"]["uid"]), site)
        eventually(lambda: cluster.find(PYTORCHJOBS, "pushed", site))


def test_the_operator_writes_jobs_and_adds_lines_and_entries_that_outlive_the_chart(
    joined: Joined, tmp_path: Path
) -> None:
    bank, account = joined.bank.api, Api(joined.release.account())
    foreign = {"metadata": {"name": "settings", "labels": labels.OURS}, "data": {"a": "b"}}
    eventually(lambda: refused(account.create, CONFIG_MAPS, foreign, HERE))  # the policies are in effect

    job = bank_job("mine")
    assert account.create(PYTORCHJOBS, job, HERE, dry_run=True)
    unlabelled = {**job, "metadata": {"name": "mine"}}
    eventually(lambda: refused(partial(account.create, dry_run=True), PYTORCHJOBS, unlabelled, HERE))
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
    assert account.find(CONFIG_MAPS, copy["metadata"]["name"], HERE) is None, "a copy is read if an earlier one ended"
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

    assert enter_round(joined, 1) == 1
    values = joined.release.run(f"helm get values {joined.release.name} --namespace={HERE} --output=yaml")
    joined.release.uninstall()
    assert fedtrain(joined.bank, "audit", f"--namespace={HERE}").exit_code == 0
    assert bank.get(CONFIG_MAPS, audit_log.NAME, HERE)["data"] == audit_log.data_of(added), "the log stays"

    kept = bank.get(CONFIG_MAPS, privacy_ledger.CONFIG_MAP, HERE)
    assert "ownerReferences" not in kept["metadata"]
    (tmp_path / "values.yaml").write_text(values)
    joined.release.install(f"--values={tmp_path / 'values.yaml'}")
    assert bank.get(CONFIG_MAPS, privacy_ledger.CONFIG_MAP, HERE)["data"] == kept["data"]
    assert enter_round(joined, 2) == 2, "the operator of the new release counts on"


def enter_round(joined: Joined, number: int) -> int:
    """Enter a round of a training with the rights of the operator; the number of rounds that the ledger has then."""
    account, task = joined.release.account(), task_of(promising(round=number))
    who, (dataset,) = task.participant or "", task.data.names

    async def rounds() -> int:
        login = kopf.ConnectionInfo(server=account.server, ca_path=str(account.authority), token=account.token)
        cluster = Cluster(lambda: login, (HERE,))
        try:
            assert await enter(cluster, await read_ledger(cluster, HERE, who), HERE, task, "start")
            entries = (await read_ledger(cluster, HERE, who)).entries
        finally:
            await cluster.close()
        return sum(privacy_ledger.released(entries, {dataset}, "Participant").values())

    return asyncio.run(rounds())


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
