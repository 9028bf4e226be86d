"""Signed requests: who gets which, until when, and where pods find them."""

import asyncio
import base64
import gzip
import json
from pathlib import Path

import pytest
from fedtrain_operator.coordinator.executor import Executor
from fedtrain_operator.coordinator.requests import Requests
from fedtrain_operator.coordinator.signatures import RENEWAL_SECONDS, Signatures
from fedtrain_operator.kube.client import ApiError
from fedtrain_operator.participant.transfers import COPY_SECONDS

from fedtrain.api.storage import S3
from fedtrain.contracts import names
from fedtrain.contracts.tasks import EXIT_SPOOLED
from fedtrain.contracts.wire.signed_request_lifetime import LIFETIME_SECONDS
from fedtrain.contracts.wire.transfer import SignedRecord, SignedRequest, TransferGrant
from fedtrain.manifests import labels
from fedtrain.manifests.grant_check import foreign_server
from fedtrain.manifests.kinds import Json
from tests.unit.operator.api_server import Request
from tests.unit.operator.federation import FOUR, TRAINING, Federation
from tests.unit.operator.test_participant_sites import HERE, HUB, Remote
from tests.unit.operator.worlds import SETTINGS, spec


@pytest.fixture
def federation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Federation:
    made = Federation(tmp_path, monkeypatch)
    made.apply()
    made.settle()
    return made


def entries(federation: Federation, who: str) -> dict[str, str]:
    return federation.server.objects["secrets", f"at-{who}", labels.TRANSFER_SECRET]["data"]


def tasks(federation: Federation, who: str) -> list[Json]:
    return [one for one in federation.server.all("trainingtasks") if one["metadata"]["namespace"] == f"at-{who}"]


def entry(url: str, version: int = 1, expires: int = 0) -> str:
    record = SignedRecord(name="x", read=SignedRequest(url=url), writes=())
    grant = TransferGrant(version=version, task="x", expires=expires, record=record)
    return base64.b64encode(grant.packed()).decode()


def test_each_participant_gets_the_requests_of_its_own_tasks(federation: Federation) -> None:
    for who in FOUR:
        assert entries(federation, who).keys() == {one["metadata"]["uid"] for one in tasks(federation, who)}
    assert {task.participant for task in federation.grants.tasks} == {*FOUR}


def test_requests_are_renewed_at_half_of_their_life_and_wake_the_next_pass(federation: Federation) -> None:
    before = len(federation.grants.tasks)
    federation.time.now += RENEWAL_SECONDS - 50
    federation.reconcile()  # tasks that wait are signed more often
    for one in federation.server.all("trainingtasks"):
        federation.state.tasks.put(federation.server.add("trainingtasks", {**one, "status": {"phase": "Running"}}))
    assert (federation.reconcile().after or 0.0) <= RENEWAL_SECONDS
    signed = len(federation.grants.tasks)
    assert signed == before + len(FOUR)
    federation.time.now += RENEWAL_SECONDS - 1
    federation.reconcile()
    assert len(federation.grants.tasks) == signed
    federation.time.now += 1
    federation.reconcile()
    assert len(federation.grants.tasks) == signed + len(FOUR)


def test_requests_of_a_task_that_has_ended_are_deleted(federation: Federation) -> None:
    federation.deliver_preflights("bank-a")
    federation.reconcile()
    assert entries(federation, "bank-a") == {}
    assert len(entries(federation, "bank-b")) == 1


def test_requests_of_a_task_that_ended_before_the_coordinator_restarted_are_deleted(federation: Federation) -> None:
    federation.deliver_preflights("bank-a")
    federation.state.memories[TRAINING].signatures = Signatures()
    federation.reconcile()
    assert entries(federation, "bank-a") == {}
    assert len(entries(federation, "bank-b")) == 1


def test_no_task_is_deleted_before_its_requests(federation: Federation) -> None:
    federation.deliver_preflights(*FOUR)
    federation.reconcile()
    memory = federation.state.memories[TRAINING]
    requests = Requests(memory.refusals, federation.time)
    executor = Executor(federation.state, SETTINGS, TRAINING, spec(), memory, {}, requests)
    deleted = memory.signatures.deleted
    memory.signatures.deleted = set()
    asyncio.run(executor.clear(before=1))
    assert len(tasks(federation, "bank-a")) == 1
    memory.signatures.deleted = deleted
    asyncio.run(executor.clear(before=1))
    assert tasks(federation, "bank-a") == []


def test_a_revoked_participant_gets_no_requests_and_its_records_are_not_admitted(federation: Federation) -> None:
    federation.deliver_preflights(*FOUR)
    federation.deliver_adapter()
    federation.settle()
    assert len(entries(federation, "bank-a")) == 1
    revoke(federation, "bank-a")
    federation.reconcile()
    assert entries(federation, "bank-a") == {}
    gatherer = federation.state.memories[next(iter(federation.state.memories))].gatherer
    assert gatherer is not None
    assert gatherer.incoming is not None
    assert "bank-a" not in gatherer.incoming.participants
    assert "bank-b" in gatherer.incoming.participants


def revoke(federation: Federation, who: str) -> Json:
    """Its Participant."""
    record = federation.server.objects.pop(("participants", "", who))
    federation.state.participants.drop(record)
    return record


def test_revoking_a_participant_ends_its_uploads_in_the_next_pass_and_no_others(federation: Federation) -> None:
    federation.deliver_preflights(*FOUR)
    federation.deliver_adapter()
    federation.settle()
    assert federation.status["round"] == 1
    run = federation.state.memories[TRAINING].run
    assert run is not None
    files = {who: f"{names.update_folder(1, who, 1)}/x.safetensors" for who in FOUR}
    claims = {who: names.part_upload(run.run_id, file) for who, file in files.items()}
    for claim in claims.values():
        federation.ledger.store.create(federation.ledger.key(claim), b"id of the upload")
    federation.reconcile()
    assert federation.grants.uploads.aborted == []
    record = revoke(federation, "bank-a")
    federation.reconcile()
    federation.reconcile()
    assert federation.grants.uploads.aborted == [files["bank-a"]]
    assert federation.ledger.size(claims["bank-a"]) is None, "once it is invited again, it begins another upload"
    assert federation.ledger.size(claims["bank-b"]) is not None

    federation.state.participants.put(federation.server.add("participants", record))
    federation.reconcile()
    federation.ledger.store.create(federation.ledger.key(claims["bank-a"]), b"id of another upload")
    revoke(federation, "bank-a")
    federation.reconcile()
    assert federation.grants.uploads.aborted == [files["bank-a"]] * 2


def test_revoking_a_participant_takes_the_names_of_what_its_requests_create(federation: Federation) -> None:
    federation.deliver_preflights(*FOUR)
    federation.deliver_adapter()
    federation.settle()
    run = federation.state.memories[TRAINING].run
    assert run is not None
    record = names.incoming(run.run_id, names.update(1, "bank-a", 1))
    revoked = revoke(federation, "bank-a")
    federation.server.fault = lambda request: (
        ApiError(500, "InternalError", "etcd") if (request.verb, request.kind) == ("get", "trainingtasks") else None
    )
    federation.reconcile()
    assert federation.ledger.size(record) is None, "which task it has cannot be read"
    federation.server.fault = lambda request: None
    federation.time.now += 120
    federation.reconcile()
    assert federation.ledger.size(record) == 0
    assert federation.ledger.size(record.replace("bank-a", "bank-b")) is None
    federation.state.participants.put(federation.server.add("participants", revoked))
    federation.time.now += 120
    federation.reconcile()
    assert federation.ledger.size(record) is None, "it was invited again"


def test_a_participant_that_cannot_be_read_for_a_moment_keeps_its_uploads(federation: Federation) -> None:
    federation.deliver_preflights(*FOUR)
    federation.deliver_adapter()
    federation.settle()
    run = federation.state.memories[TRAINING].run
    assert run is not None
    claim = names.part_upload(run.run_id, f"{names.update_folder(1, 'bank-a', 1)}/x.safetensors")
    federation.ledger.store.create(federation.ledger.key(claim), b"id of the upload")
    federation.state.participants.drop(federation.server.objects["participants", "", "bank-a"])

    def fault(request: Request) -> ApiError | None:
        return ApiError(500, "InternalError", "etcd") if request.kind == "participants" else None

    federation.server.fault = fault
    federation.reconcile()
    assert federation.grants.uploads.aborted == []


@pytest.mark.parametrize(
    ("metadata", "order"),
    [
        ({}, {"participant": "bank-b"}),
        ({}, {"runId": "another"}),
        ({}, {"namespace": "elsewhere"}),
        ({}, {"round": 7}),
        ({"labels": {labels.PARTICIPANT: "bank-b"}}, {"participant": "bank-b"}),
        ({"labels": {labels.PARTICIPANT: "bank-b"}}, {}),
        ({"name": "another"}, {}),
    ],
    ids=["participant", "run", "training", "a later round", "another's task", "another's label", "name"],
)
def test_a_task_that_somebody_else_creates_in_a_participants_namespace_is_not_signed(
    federation: Federation, metadata: Json, order: Json
) -> None:
    """The administrators of a participant's namespace can create TrainingTasks there."""
    (own,) = tasks(federation, "bank-a")
    marks = own["metadata"]["labels"] | metadata.get("labels", {})
    about = {**own["metadata"], **metadata, "labels": marks, "uid": "forged"}
    spec = {**own["spec"], "task": {**own["spec"]["task"], **order}}
    federation.state.tasks.drop(own)
    federation.state.tasks.put(federation.server.add("trainingtasks", {**own, "metadata": about, "spec": spec}))
    federation.reconcile()
    assert "forged" not in entries(federation, "bank-a")
    assert "forged" not in entries(federation, "bank-b")


def test_expired_requests_that_a_killed_coordinator_has_left_are_deleted(federation: Federation) -> None:
    secret = federation.server.objects["secrets", "at-bank-a", labels.TRANSFER_SECRET]
    now = federation.time.now

    left = {"old": entry("x", expires=int(now) - LIFETIME_SECONDS - 1), "recent": entry("x", expires=int(now))}
    left["malformed"] = "eA=="
    federation.server.add("secrets", {**secret, "data": secret["data"] | left})
    federation.time.now += RENEWAL_SECONDS
    federation.reconcile()
    assert {"old", "malformed", "recent"} & entries(federation, "bank-a").keys() == {"recent"}


# At the participant.


def copies(remote: Remote) -> dict[str, str]:
    return remote.here.objects["secrets", HERE, labels.TRANSFER_SECRET].get("data", {})


def test_a_participant_copies_the_requests_of_tasks_that_run_and_deletes_those_of_others() -> None:
    remote = Remote()
    remote.hub.objects["secrets", HUB, labels.TRANSFER_SECRET]["data"]["another"] = "eA=="
    remote.reconcile()
    assert copies(remote).keys() == {"uid-bank-b"}
    remote.delete_task()
    remote.reconcile()
    assert copies(remote) == {}


def test_a_participant_copies_renewed_requests() -> None:
    remote = Remote()
    steady = [0.0]
    remote.tasks._transfers._steady = lambda: steady[0]  # pyright: ignore[reportPrivateUsage]
    remote.reconcile()
    remote.reconcile()
    remote.hub.objects["secrets", HUB, labels.TRANSFER_SECRET]["data"]["uid-bank-b"] = "bmV3"
    remote.reconcile()
    assert copies(remote)["uid-bank-b"] != "bmV3", "the hub is not asked at every pass"
    steady[0] += COPY_SECONDS
    remote.reconcile()
    assert copies(remote)["uid-bank-b"] == "bmV3"


def test_a_task_waits_until_the_hub_has_signed_its_requests() -> None:
    remote = Remote()
    data = remote.hub.objects["secrets", HUB, labels.TRANSFER_SECRET].pop("data")
    remote.reconcile()
    assert remote.jobs == []
    remote.tasks._first_seen[remote.ref] -= 60  # pyright: ignore[reportPrivateUsage]
    remote.reconcile()
    status = remote.hub.objects["trainingtasks", HUB, remote.ref.name]["status"]
    assert (status["phase"], status["reason"]) == ("Pending", "NotSigned")
    assert remote.here.all("events") == [], "the owner's policy does not delay it"
    remote.hub.objects["secrets", HUB, labels.TRANSFER_SECRET]["data"] = data
    body = remote.hub.objects["trainingtasks", HUB, remote.ref.name]
    remote.tasks.tasks.put(body)
    remote.reconcile()
    assert len(remote.jobs) == 1


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (base64.b64encode(b"{}").decode(), "InvalidTransfer"),
        (base64.b64encode(gzip.compress(b"{}")).decode(), "InvalidTransfer"),
        (base64.b64encode(gzip.compress(b" " * 5_000_000)).decode(), "InvalidTransfer"),
        (entry("http://store:9000/runs/x", version=2), "InvalidTransfer"),
        (entry("http://10.0.0.1:22/runs/x"), "ForeignStore"),
    ],
    ids=["not compressed", "malformed", "huge", "newer", "another server"],
)
def test_requests_that_a_malicious_hub_has_signed_start_no_pod(entry: str, reason: str) -> None:
    remote = Remote()
    remote.hub.objects["secrets", HUB, labels.TRANSFER_SECRET]["data"]["uid-bank-b"] = entry
    remote.reconcile()
    assert remote.jobs == []
    status = remote.hub.objects["trainingtasks", HUB, remote.ref.name]["status"]
    assert (status["phase"], status["reason"]) == ("Refused", reason)
    assert copies(remote) == {}


def end_spooled(remote: Remote) -> None:
    """The pod has trained, and the store did not take the update."""
    (job,) = remote.jobs
    failed = {**job, "status": {"conditions": [{"type": "Failed", "status": "True"}]}}
    remote.tasks.jobs.cache.put(remote.here.add("pytorchjobs", failed))
    ended = {"exitCode": 1, "message": json.dumps({"code": EXIT_SPOOLED, "reason": "the store is down"})}
    container = {"name": "pytorch", "state": {"terminated": ended}}
    pod = {"metadata": {"name": "master-0", "namespace": HERE}}
    remote.here.add("pods", {**pod, "status": {"phase": "Failed", "containerStatuses": [container]}})


def test_a_job_without_gpus_uploads_an_update_that_the_store_did_not_take() -> None:
    remote = Remote()
    policy = remote.here.objects["participantpolicies", HERE, "bank-b"]
    spec = {**policy["spec"], "spool": {"volumeClaim": "spool"}}
    remote.tasks.policies.put(remote.here.add("participantpolicies", {**policy, "spec": spec}))
    remote.reconcile()
    (job,) = remote.jobs
    assert job["metadata"]["annotations"][labels.GPUS] == "2"
    for _ in range(2):
        end_spooled(remote)
        remote.reconcile()
        status = remote.hub.objects["trainingtasks", HUB, remote.ref.name]["status"]
        assert (status["phase"], status["reason"]) == ("Pending", "Uploading")
        assert "waits for the store: the store is down" in status["message"]
        assert remote.jobs == []
        remote.reconcile()
        (job,) = remote.jobs
        assert job["metadata"]["annotations"][labels.GPUS] == "0"
        (replica,) = job["spec"]["pytorchReplicaSpecs"].values()
        (container,) = replica["template"]["spec"]["containers"]
        variables = {one["name"]: one["value"] for one in container["env"]}
        assert variables["FEDTRAIN_UPLOAD"] == "1"
        mount = {"name": "spool", "mountPath": variables["FEDTRAIN_SPOOL"], "subPath": "uid-bank-b"}
        assert mount in container["volumeMounts"]
        assert "nvidia.com/gpu" not in json.dumps(container.get("resources"))


PATHS = "https://s3.example.org:9000/at"
AWS = "https://runs.s3.eu-central-1.amazonaws.com/x?X-Amz-Signature=y"


@pytest.mark.parametrize(
    ("endpoint", "url", "foreign"),
    [
        (PATHS, f"{PATHS}/runs/hub/x?X-Amz-Signature=y", None),
        (f"{PATHS}/", f"{PATHS}/runs/hub/x", None),
        ("https://S3.example.org:9000", "https://s3.example.org:9000/runs/x", None),
        ("https://s3.example.org", "https://runs.s3.example.org/x", None),
        (None, AWS, None),
        (None, "https://s3.us-east-1.amazonaws.com/runs/x", None),
        (PATHS, f"{PATHS}/other/x", "https://s3.example.org:9000"),
        (PATHS, "http://s3.example.org:9000/at/runs/x", "http://s3.example.org:9000"),
        (PATHS, "https://s3.example.org:9001/at/runs/x", "https://s3.example.org:9001"),
        (PATHS, "https://s3.example.org:9000@10.0.0.1/at/runs/x", "https://10.0.0.1"),
        ("https://s3.example.org", "https://other.s3.example.org/x", "https://other.s3.example.org"),
        ("https://s3.example.org", "https://runs.s3.example.org.evil/x", "https://runs.s3.example.org.evil"),
        (None, "https://runs.evil.org/x", "https://runs.evil.org"),
        (None, "https://other.s3.amazonaws.com/x", "https://other.s3.amazonaws.com"),
        (None, "http://169.254.169.254/runs/x", "http://169.254.169.254"),
        (PATHS, "https://[bad/x", "an invalid URL"),
    ],
)
def test_requests_go_to_the_store_that_the_task_names(endpoint: str | None, url: str, foreign: str | None) -> None:
    record = SignedRecord(name="x", read=SignedRequest(url=url), writes=())
    assert foreign_server(TransferGrant(task="x", record=record), S3(bucket="runs", endpoint=endpoint)) == foreign
