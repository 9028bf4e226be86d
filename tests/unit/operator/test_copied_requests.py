"""Signed requests at a participant: copies, tasks that wait for them, and requests that are refused."""

import base64
import gzip
import json

import pytest
from fedtrain_operator.participant.transfers import COPY_SECONDS

from fedtrain.api.storage import S3
from fedtrain.api.training_task import TrainingTaskSpec
from fedtrain.contracts.grant_check import foreign_server
from fedtrain.contracts.tasks import Assignment
from fedtrain.contracts.wire.transfer import SignedRecord, SignedRequest, TransferGrant
from fedtrain.manifests import labels
from fedtrain.manifests.policy_check import judge
from fedtrain.manifests.pytorch_job import PyTorchJobs
from tests.support.granting import transfer_entry
from tests.unit.operator.test_journal import lines, more_tasks, restarted
from tests.unit.operator.test_participant_sites import HERE, HUB, Remote
from tests.unit.operator.worlds import policy, task


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


def with_header(name: str, value: str) -> str:
    """An entry with a header that fedtrain does not sign."""
    request = {"url": "http://store:9000/runs/x", "headers": {name: value}}
    grant = {"version": 1, "task": "x", "record": {"name": "x", "read": request, "writes": []}}
    return base64.b64encode(gzip.compress(json.dumps(grant).encode(), mtime=0)).decode()


def at_hub(remote: Remote, uid: str, entry: str) -> None:
    remote.hub.objects["secrets", HUB, labels.TRANSFER_SECRET]["data"][uid] = entry


def clocked(remote: Remote) -> list[float]:
    """The clock of the copies, which the test sets."""
    steady = [0.0]
    remote.tasks._transfers._steady = lambda: steady[0]  # pyright: ignore[reportPrivateUsage]
    return steady


def test_a_participant_copies_renewed_requests() -> None:
    remote = Remote()
    steady = clocked(remote)
    remote.reconcile()
    remote.reconcile()
    renewed = transfer_entry("http://store:9000/runs/renewed")
    at_hub(remote, "uid-bank-b", renewed)
    remote.reconcile()
    assert copies(remote)["uid-bank-b"] != renewed, "the hub is not asked at every pass"
    steady[0] += COPY_SECONDS
    remote.reconcile()
    assert copies(remote)["uid-bank-b"] == renewed


@pytest.mark.parametrize("restarts", [False, True], ids=["", "after a restart"])
@pytest.mark.parametrize(
    ("entry", "reason"),
    [(transfer_entry("https://evil.example/steal/x"), "ForeignStore"), ("bmV3", "InvalidTransfer")],
    ids=["another server", "malformed"],
)
def test_renewed_requests_that_a_malicious_hub_has_signed_are_not_copied_and_stop_the_task(
    entry: str, reason: str, restarts: bool
) -> None:
    remote = Remote()
    steady = clocked(remote)
    remote.reconcile()
    before = copies(remote)
    at_hub(remote, "uid-bank-b", entry)
    if restarts:
        storage = remote.hub.objects["trainingtasks", HUB, remote.ref.name]["spec"]["storage"]
        storage["s3"] |= {"bucket": "steal", "endpoint": "https://evil.example"}  # what was started stays
        remote = restarted(remote)
    else:
        steady[0] += COPY_SECONDS
    copied: list[str] = []
    remote.here.fault = lambda request: copied.append(str(request.body))  # pyright: ignore[reportAttributeAccessIssue]
    remote.reconcile()
    assert not [body for body in copied if entry in body]
    assert remote.jobs == []
    status = remote.hub.objects["trainingtasks", HUB, remote.ref.name]["status"]
    assert (status["phase"], status["reason"]) == ("Refused", reason)
    assert [line.event for line in lines(remote)] == ["Started", "Stopped"]
    assert "Nothing ran" not in status["message"]
    remote.reconcile()
    assert (before.keys(), copies(remote)) == ({"uid-bank-b"}, {})


def test_the_bucket_of_a_job_is_read_as_it_was_written() -> None:
    s3 = {"bucket": "runs", "endpoint": "http://store:9000/$team"}
    order = TrainingTaskSpec.model_validate((body := task(storage={"type": "S3", "s3": s3}))["spec"])
    judged, launcher = judge(order, policy(), "trainer:1"), PyTorchJobs("trainer:1", "Always")
    assert isinstance(judged, Assignment)
    assert launcher.ledger(launcher.render(body, order, judged, policy())) == S3.model_validate(s3)


def test_a_task_that_starts_does_not_bring_foreign_requests_of_others_which_are_stopped_at_their_next_pass() -> None:
    remote = Remote()
    clocked(remote)
    remote.reconcile()
    before, first = copies(remote), remote.ref
    (remote.ref,) = more_tasks(remote, 1)
    at_hub(remote, "uid-bank-b", transfer_entry("https://evil.example/steal/x"))
    remote.reconcile()
    assert copies(remote).keys() == {"uid-bank-b", "uid-0"}
    assert copies(remote)["uid-bank-b"] == before["uid-bank-b"]
    remote.ref = first
    remote.reconcile()
    assert [job["metadata"]["name"] for job in remote.jobs] == ["more-0"]


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
        (base64.b64encode(gzip.compress(b"{}", mtime=0)).decode(), "InvalidTransfer"),
        (base64.b64encode(gzip.compress(b" " * 5_000_000, mtime=0)).decode(), "InvalidTransfer"),
        (transfer_entry("http://store:9000/runs/x", version=2), "InvalidTransfer"),
        (transfer_entry("http://10.0.0.1:22/runs/x"), "ForeignStore"),
        (with_header("Host", "evil.store"), "InvalidTransfer"),
        (with_header("x-amz-copy-source", "/other/x"), "InvalidTransfer"),
    ],
    ids=["not compressed", "malformed", "huge", "newer", "another server", "another host", "another object"],
)
def test_requests_that_a_malicious_hub_has_signed_start_no_pod(entry: str, reason: str) -> None:
    remote = Remote()
    remote.hub.objects["secrets", HUB, labels.TRANSFER_SECRET]["data"]["uid-bank-b"] = entry
    remote.reconcile()
    assert remote.jobs == []
    status = remote.hub.objects["trainingtasks", HUB, remote.ref.name]["status"]
    assert (status["phase"], status["reason"]) == ("Refused", reason)
    assert copies(remote) == {}


PATHS = "https://s3.example.org:9000/at"
API = "evil123.execute-api.eu-central-1.amazonaws.com"
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
        (None, "https://s3.amazonaws.com/runs/x", None),
        (None, "https://runs.s3.dualstack.us-gov-west-1.amazonaws.com/x", None),
        (None, "https://runs.s3-fips.us-east-1.amazonaws.com/x", None),
        (None, "https://runs.s3.cn-north-1.amazonaws.com.cn/x", None),
        (None, "https://runs.s3.eu-central-1.amazonaws.com/a/..b/.c/d..", None),
        (PATHS, f"{PATHS}/other/x", "https://s3.example.org:9000"),
        (PATHS, "http://s3.example.org:9000/at/runs/x", "http://s3.example.org:9000"),
        (PATHS, "https://s3.example.org:9001/at/runs/x", "https://s3.example.org:9001"),
        (PATHS, "https://s3.example.org:9000@10.0.0.1/at/runs/x", "https://10.0.0.1"),
        ("https://s3.example.org", "https://other.s3.example.org/x", "https://other.s3.example.org"),
        ("https://s3.example.org", "https://runs.s3.example.org.evil/x", "https://runs.s3.example.org.evil"),
        (None, "https://runs.evil.org/x", "https://runs.evil.org"),
        (None, "https://other.s3.amazonaws.com/x", "https://other.s3.amazonaws.com"),
        (None, "http://169.254.169.254/runs/x", "http://169.254.169.254"),
        (None, "https://evil.s3.amazonaws.com/runs/x", "https://evil.s3.amazonaws.com"),
        (None, "https://runs.evil.s3.amazonaws.com/x", "https://runs.evil.s3.amazonaws.com"),
        (None, f"https://{API}/runs/x", f"https://{API}"),
        (None, "https://runs.amazonaws.com/x", "https://runs.amazonaws.com"),
        (None, "https://s3.evil.amazonaws.com/runs/x", "https://s3.evil.amazonaws.com"),
        (None, "https://runs.s3-website.us-east-1.amazonaws.com/x", "https://runs.s3-website.us-east-1.amazonaws.com"),
        (None, "https://s3.us-east-1.amazonaws.com/runs/../other/x", "https://s3.us-east-1.amazonaws.com"),
        ("https://s3.example.org", "https://s3.example.org/runs/../other/x", "https://s3.example.org"),
        ("https://s3.example.org", "https://s3.example.org/runs/%2e%2E/other/x", "https://s3.example.org"),
        ("https://s3.example.org", "https://s3.example.org/runs/..%2fother/x", "https://s3.example.org"),
        ("https://s3.example.org", "https://s3.example.org/runs/./x", "https://s3.example.org"),
        (PATHS, "https://runs.s3.example.org:9000/at/../x", "https://runs.s3.example.org:9000"),
        (PATHS, "https://[bad/x", "an invalid URL"),
    ],
)
def test_requests_go_to_the_store_that_the_task_names(endpoint: str | None, url: str, foreign: str | None) -> None:
    record = SignedRecord(name="x", read=SignedRequest(url=url), writes=())
    assert foreign_server(TransferGrant(task="x", record=record), S3(bucket="runs", endpoint=endpoint)) == foreign
