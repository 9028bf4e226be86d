"""Signed requests at the hub: who gets which, until when."""

import asyncio
import base64
from pathlib import Path

import pytest
from fedtrain_operator.coordinator.executor import Executor
from fedtrain_operator.coordinator.requests import Requests
from fedtrain_operator.coordinator.signatures import PENDING_SECONDS, RENEWAL_SECONDS, Signatures
from fedtrain_operator.coordinator.transfer_secrets import TransferSecrets
from fedtrain_operator.kube.api_error import ApiError

from fedtrain.contracts import names
from fedtrain.contracts.wire.signed_request_lifetime import LIFETIME_SECONDS
from fedtrain.contracts.wire.transfer import read_grant
from fedtrain.ledger.blob_copies import readers_in
from fedtrain.manifests import labels
from fedtrain.manifests.kinds import Json
from tests.support.granting import transfer_entry
from tests.unit.operator.api_server import Request
from tests.unit.operator.federation import FOUR, TRAINING, Federation
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


def restart(federation: Federation) -> None:
    """Another process continues."""
    state = federation.state
    state.transfer_secrets = TransferSecrets(state.cluster, state.clock, state.steady)
    state.memories[TRAINING].signatures = Signatures()


def test_each_participant_gets_the_requests_of_its_own_tasks(federation: Federation) -> None:
    for who in FOUR:
        assert entries(federation, who).keys() == {one["metadata"]["uid"] for one in tasks(federation, who)}
    assert {task.participant for task in federation.grants.tasks} == {*FOUR}


def test_requests_are_renewed_at_half_of_their_life_and_wake_the_next_pass(federation: Federation) -> None:
    signed = len(federation.grants.tasks)
    federation.time.now += RENEWAL_SECONDS - 50
    assert (federation.reconcile().after or 0.0) <= 50
    assert len(federation.grants.tasks) == signed, "tasks that wait for a node too"
    federation.time.now += 50
    federation.reconcile()
    assert len(federation.grants.tasks) == signed + len(FOUR)


def test_requests_that_somebody_deletes_before_the_pods_start_are_signed_again(federation: Federation) -> None:
    """Without its entry, the pods of a task cannot start."""
    signed = len(federation.grants.tasks)
    entries(federation, "bank-a").clear()
    federation.server.requests.clear()
    federation.reconcile()
    assert "secrets" not in {request.kind for request in federation.server.requests}
    federation.time.now += PENDING_SECONDS + 1
    federation.reconcile()
    assert [task.participant for task in federation.grants.tasks[signed:]] == ["bank-a"]
    assert len(entries(federation, "bank-a")) == 1


def test_a_renewal_that_the_api_server_refuses_is_tried_again_after_a_pause(federation: Federation) -> None:
    federation.time.now += RENEWAL_SECONDS
    federation.server.fault = lambda request: (
        ApiError(403, "Forbidden", "no") if request.kind == "secrets" and "bank-a" in request.namespace else None
    )
    assert (federation.reconcile().after or 0.0) >= 0.5
    federation.server.fault = lambda request: None
    signed = len(federation.grants.tasks)
    federation.time.now += 60
    federation.reconcile()
    assert [task.participant for task in federation.grants.tasks[signed:]] == ["bank-a"]


def test_requests_of_a_task_that_has_ended_are_deleted(federation: Federation) -> None:
    federation.deliver_preflights("bank-a")
    federation.reconcile()
    assert entries(federation, "bank-a") == {}
    assert len(entries(federation, "bank-b")) == 1


def test_requests_of_a_task_that_ended_before_the_coordinator_restarted_are_deleted(federation: Federation) -> None:
    federation.deliver_preflights("bank-a")
    restart(federation)
    federation.reconcile()
    assert entries(federation, "bank-a") == {}
    assert len(entries(federation, "bank-b")) == 1


def test_a_coordinator_that_restarts_signs_only_what_is_missing_old_or_of_another_key(federation: Federation) -> None:
    signed = len(federation.grants.tasks)
    for one in federation.server.all("trainingtasks"):
        federation.state.tasks.put(federation.server.add("trainingtasks", {**one, "status": {"phase": "Running"}}))
    federation.time.now += 100
    restart(federation)
    federation.server.requests.clear()
    federation.reconcile()
    assert len(federation.grants.tasks) == signed
    assert "secrets" not in {request.kind for request in federation.server.requests}
    federation.time.now += RENEWAL_SECONDS - 100
    federation.reconcile()
    assert len(federation.grants.tasks) == signed + len(FOUR), "they were signed before the restart"
    entries(federation, "bank-a").clear()
    restart(federation)
    federation.reconcile()
    assert [task.participant for task in federation.grants.tasks[signed + len(FOUR) :]] == ["bank-a"]
    federation.grants.signer = "http://store:9000 another-key"
    restart(federation)
    federation.reconcile()
    assert len(federation.grants.tasks) == signed + 2 * len(FOUR) + 1


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


def read_by(federation: Federation, who: str) -> str:
    """The readers of the copies that its only entry names."""
    (entry,) = entries(federation, who).values()
    return readers_in(read_grant(base64.b64decode(entry)))


def test_revoking_a_participant_ends_its_reads_and_renews_those_of_the_others(federation: Federation) -> None:
    federation.deliver_preflights(*FOUR)
    federation.deliver_adapter()
    federation.settle()
    copies, everyone = federation.grants.copies, read_by(federation, "bank-a")
    assert [read_by(federation, who) for who in FOUR] == [everyone] * 4
    assert copies.withdrawn == []
    record = revoke(federation, "bank-a")
    copies.fails = True
    federation.reconcile()
    assert read_by(federation, "bank-b") == everyone, "nothing was signed before the old copies were withdrawn"
    copies.fails = False
    restart(federation)
    federation.time.now += 120
    federation.reconcile()
    assert {read_by(federation, who) for who in FOUR[1:]} == {copies.readers} == {*copies.withdrawn}
    assert copies.readers != everyone
    withdrawn, signed = len(copies.withdrawn), len(federation.grants.tasks)
    restart(federation)
    federation.reconcile()
    assert (len(copies.withdrawn), len(federation.grants.tasks)) == (withdrawn, signed)

    again = {**record, "metadata": {**record["metadata"], "uid": "invited again"}}
    federation.state.participants.put(federation.server.add("participants", again))
    federation.reconcile()
    assert read_by(federation, "bank-a") == read_by(federation, "bank-b") != everyone
    assert len(copies.withdrawn) == withdrawn, "one that joins disturbs no download"


def test_a_coordinator_that_was_killed_after_a_participant_was_invited_again_ends_the_old_reads(
    federation: Federation,
) -> None:
    federation.deliver_preflights(*FOUR)
    federation.deliver_adapter()
    federation.settle()
    record = revoke(federation, "bank-a")
    again = {**record, "metadata": {**record["metadata"], "uid": "invited again"}}
    federation.state.participants.put(federation.server.add("participants", again))
    restart(federation)
    federation.reconcile()
    assert {read_by(federation, who) for who in FOUR} == {*federation.grants.copies.withdrawn}


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
    assert federation.grants.copies.withdrawn == []


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


def test_a_task_that_is_recreated_while_it_is_signed_is_signed_in_the_next_pass(federation: Federation) -> None:
    """The server has a newer task than the cache."""
    (known,) = tasks(federation, "bank-a")
    for who in FOUR:
        entries(federation, who).clear()
    restart(federation)
    again = federation.server.add("trainingtasks", {**known, "metadata": {**known["metadata"], "uid": "again"}})
    federation.reconcile()
    assert "again" not in entries(federation, "bank-a")
    assert len(entries(federation, "bank-b")) == 1
    federation.state.tasks.drop(known)
    federation.state.tasks.put(again)
    federation.reconcile()
    assert "again" in entries(federation, "bank-a")


def test_expired_requests_that_a_killed_coordinator_has_left_are_deleted(federation: Federation) -> None:
    secret = federation.server.objects["secrets", "at-bank-a", labels.TRANSFER_SECRET]
    now = federation.time.now

    left = {
        "old": transfer_entry("x", expires=int(now) - LIFETIME_SECONDS - 1),
        "recent": transfer_entry("x", expires=int(now)),
    }
    left["malformed"] = "eA=="
    federation.server.add("secrets", {**secret, "data": secret["data"] | left})
    restart(federation)
    federation.time.now += RENEWAL_SECONDS
    federation.reconcile()
    assert {"old", "malformed", "recent"} & entries(federation, "bank-a").keys() == {"recent"}
