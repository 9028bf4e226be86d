"""What a participant's signed requests allow at a server that checks signatures: its own objects, once, with the sizes
that the hub has signed."""

import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import urllib3

from fedtrain.api.storage import S3
from fedtrain.contracts import names
from fedtrain.contracts.transfer import RECORD_SIZES
from fedtrain.contracts.untrusted_records import Update
from fedtrain.contracts.wire.transfer import SignedRequest, SignedUpload, TransferGrant
from fedtrain.ledger import s3_signer
from fedtrain.ledger.presigned_requests import Patience
from fedtrain.ledger.presigned_store import PresignedTaskStore
from fedtrain.ledger.s3_credentials import Keys
from fedtrain.ledger.s3_signer import S3Signer
from hack.cluster.eventually import PATIENCE_SECONDS
from hack.cluster.s3_server import S3Server
from tests.support.granting import LARGE, SMALL, Run, train_task, update_record
from tests.support.tasks import RUN_ID

HTTP = urllib3.PoolManager()


@pytest.fixture
def run(s3_server: S3Server, tmp_path: Path) -> Run:
    bucket = f"bucket-{uuid.uuid4().hex[:12]}"
    s3_server.client.create_bucket(Bucket=bucket)
    s3 = S3(bucket=bucket, endpoint=s3_server.endpoint, region=s3_server.region, prefix="runs")
    return Run.begin(s3, Keys(key_id=s3_server.access_key, secret=s3_server.secret_key), tmp_path)


def send(
    request: SignedRequest, body: bytes | None = None, headers: Mapping[str, str] | None = None, url: str = ""
) -> int:
    """The status of the answer."""
    method = "GET" if body is None else "PUT"
    given: Mapping[str, str] = {**request.headers} if headers is None else headers
    return HTTP.request(method, url or request.url, body=body, headers=dict(given), retries=False).status


def test_an_update_goes_to_its_own_name_once_and_with_its_exact_size(run: Run) -> None:
    task = train_task(run.adapter())
    grant = run.grants.grant(task, "uid")
    assert grant.update is not None
    whole = grant.update.whole
    assert whole is not None
    body = b"x" * whole.size
    assert send(whole, body + b"x") == 403, "a larger object"
    assert send(whole, body[:-1]) == 403, "a smaller object"
    assert send(whole, body, {}) >= 400, "an object that may exist"
    assert send(whole, body, url=whole.url.replace("bank-a", "bank-b")) == 403, "another participant's object"
    assert send(whole, body, url=whole.url.replace("/1/", "/2/")) == 403, "another attempt's object"
    assert send(SignedRequest(url=whole.url)) >= 400, "a read with the signature of a write"
    assert run.ledger.names("rounds/") == []
    assert send(whole, body) == 200
    assert send(whole, b"y" * whole.size) == 412, "a replacement"
    assert run.ledger.content(grant.update.name) == body


def test_reads_are_of_the_tasks_own_blobs(run: Run) -> None:
    adapter, other = run.adapter(), run.ledger.put_blob(b"server state")
    grant = run.grants.grant(train_task(adapter), "uid")
    assert other not in grant.blobs
    request = grant.blobs[adapter]
    assert send(request) == 200
    assert send(request, url=request.url.replace(adapter[-64:], other[-64:])) == 403
    assert send(request, b"x") == 403, "a write with the signature of a read"


def test_a_record_is_created_and_never_replaced(run: Run) -> None:
    grant = run.grants.grant(train_task(run.adapter()), "uid")
    small, large = grant.record.writes
    assert send(SignedRequest(url=grant.record.read.url)) == 404
    assert send(large, b" " * (RECORD_SIZES[1] + 1)) == 403
    assert send(small, b" " * RECORD_SIZES[0]) == 200
    assert send(large, b" " * RECORD_SIZES[1]) == 412
    assert send(small, b"{" + b" " * (RECORD_SIZES[0] - 1)) == 412


def test_expired_requests_are_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_signer, "LIFETIME_SECONDS", 1)
    adapter = run.adapter()
    request = run.grants.grant(train_task(adapter), "uid").blobs[adapter]
    while send(request) == 200:
        time.sleep(0.1)
    assert send(request) == 403


def test_requests_that_expire_between_two_parts_are_renewed_and_the_upload_continues(
    run: Run, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The participant waits for the renewal, which happens here when it begins to wait."""
    monkeypatch.setattr(s3_signer, "LIFETIME_SECONDS", 1)
    task, update = train_task(run.adapter(LARGE)), run.tensors(LARGE, 2.0)
    grants = [run.grants.grant(task, "uid-bank-a")]
    expired_after: list[int] = []

    def current() -> TransferGrant:
        if not expired_after and (parts := parts_of(s3_server, run.s3.bucket)):
            expired_after.append(len(parts))
            request = grants[-1].update.uploaded if grants[-1].update else None
            while request is not None and send(request) == 200:
                time.sleep(0.1)
            monkeypatch.undo()  # the next ones last
        return grants[-1]

    store = PresignedTaskStore(task, run.s3, current, Patience(renewal_seconds=3600.0))
    store._requests._sleep = lambda _: grants.append(run.grants.grant(task, "uid-bank-a"))  # pyright: ignore[reportPrivateUsage]
    name, digest, size = store.put_update(update)
    assert expired_after == [1], "between both parts"
    assert len(grants) > 1
    store.put_record(update_record(task, name, digest, size))
    run.incoming("bank-a").admit("rounds/0001/")
    record = run.ledger.read(names.update(1, "bank-a", 1), Update)
    assert record is not None
    assert run.ledger.content(f"{names.update_folder(1, 'bank-a', 1)}/{record.file}") == update.read_bytes()


def parts_of(s3_server: S3Server, bucket: str) -> list[int]:
    """The numbers of the parts that the server has of the only upload."""
    (upload,) = s3_server.client.list_multipart_uploads(Bucket=bucket)["Uploads"]
    found = s3_server.client.list_parts(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
    return [part["PartNumber"] for part in found.get("Parts", ())]


@pytest.mark.parametrize("minutes", [5, -5], ids=["fast", "slow"])
def test_requests_that_a_hub_with_a_wrong_clock_has_signed_are_accepted(run: Run, minutes: int) -> None:
    signer = S3Signer(run.store, run.ledger, lambda: datetime.now(UTC) + timedelta(minutes=minutes))
    name = names.update(1, "bank-a", 1)
    assert send(signer.create(name, 2), b"{}") == 200
    assert send(signer.get(name)) == 200


def test_parts_have_their_exact_sizes_and_numbers_and_become_an_object_once(run: Run) -> None:
    task = train_task(run.adapter(LARGE))
    grant = run.grants.grant(task, "uid-bank-a")
    assert grant.update is not None
    first, last = grant.update.parts
    assert send(last, b"x" * (last.size + 1)) == 403
    assert send(last, b"x" * last.size, url=last.url.replace("partNumber=2", "partNumber=3")) == 403
    store, update = run.store_of(task), run.tensors(LARGE, 2.0)
    name, digest, size = store.put_update(update)
    assert run.ledger.size(grant.update.name) is None, "the parts are not an object yet"
    store.put_record(update_record(task, name, digest, size))
    run.incoming("bank-a").admit("rounds/0001/")
    record = run.ledger.read(names.update(1, "bank-a", 1), Update)
    assert record is not None
    assert (record.file, run.ledger.size(grant.update.name)) == (name, size)
    assert run.ledger.digest(grant.update.name) == digest
    run.incoming("bank-a").admit("rounds/0001/")  # as a second coordinator would
    assert send(first, b"y" * first.size) == 404, "the upload has ended"


def test_parts_that_no_record_names_are_aborted_when_the_round_has_ended(run: Run) -> None:
    task = train_task(run.adapter(LARGE))
    store = run.store_of(task)
    store.put_update(run.tensors(LARGE, 2.0))
    grant = run.grants.grant(task, "uid-bank-a")
    assert grant.update is not None
    assert grant.update.uploaded is not None
    assert send(grant.update.uploaded) == 200
    run.incoming("bank-a").close("rounds/0001/")
    assert send(grant.update.uploaded) == 404


def test_the_store_refuses_further_parts_of_a_revoked_participant(run: Run) -> None:
    task = train_task(run.adapter(LARGE))
    grant = run.grants.grant(task, "uid")
    assert grant.update is not None
    first, last = grant.update.parts
    assert send(first, b"x" * first.size) == 200
    run.incoming().revoke({"bank-a": []}, 1)
    assert send(last, b"x" * last.size) == 404
    again = run.grants.grant(task, "uid")  # it was invited again
    assert again.update is not None
    assert send(again.update.parts[0], b"x" * first.size) == 200


def test_the_store_refuses_all_writes_of_a_revoked_participant_also_those_in_flight(run: Run) -> None:
    task = train_task(run.adapter())
    grant, other = run.grants.grant(task, "uid"), run.grants.grant(train_task(run.adapter(), "bank-b"), "uid-b")
    assert grant.update is not None
    whole = grant.update.whole
    assert whole is not None
    assert grant.noise is not None
    flying = Flying(grant.record.writes[0])
    incoming = run.incoming("bank-b")
    incoming.revoke({"bank-a": run.grants.created(task, "uid")}, 1)
    assert flying.landed() == 412
    for upload in (whole, *grant.record.writes, *grant.noise.writes, *grant.telemetry):
        assert send(upload, b"x" * upload.size) == 412, upload.size
    assert send(other.record.writes[0], b" " * RECORD_SIZES[0]) == 200, "another participant's record"
    incoming.admit("rounds/0001/")
    assert not [name for name in run.ledger.names("rounds/") if name.endswith(".json") and "bank-a" in name]

    again = run.incoming("bank-a")  # it was invited again
    again.admit("rounds/0001/")
    assert send(whole, b"x" * whole.size) == 200
    assert send(grant.record.writes[0], b" " * RECORD_SIZES[0]) == 200
    assert send(grant.noise.writes[0], b" " * RECORD_SIZES[0]) == 200


class Flying:
    """An upload of which one half has been sent."""

    def __init__(self, upload: SignedUpload) -> None:
        parts = urlsplit(upload.url)
        self._rest = b" " * (upload.size - upload.size // 2)
        self._connection = HTTPConnection(parts.netloc, timeout=PATIENCE_SECONDS)
        self._connection.putrequest("PUT", f"{parts.path}?{parts.query}")
        for name, value in {**upload.headers, "Content-Length": str(upload.size)}.items():
            self._connection.putheader(name, value)
        self._connection.endheaders(b" " * (upload.size // 2))

    def landed(self) -> int:
        """Send the other half, and return the status of the answer."""
        self._connection.send(self._rest)
        return self._connection.getresponse().status


def test_a_second_grant_continues_the_same_upload(run: Run) -> None:
    task = train_task(run.adapter(LARGE))
    first, second = run.grants.grant(task, "uid"), run.grants.grant(task, "uid")
    assert first.update is not None
    assert second.update is not None
    part: SignedUpload = first.update.parts[0]
    assert send(part, b"x" * part.size) == 200
    assert second.update.uploaded is not None
    listed = HTTP.request("GET", second.update.uploaded.url).data
    assert listed.count(b"<PartNumber>") == 1
    assert len(run.ledger.names(names.incoming(RUN_ID, "rounds/"))) == 1


def test_no_representation_of_a_grant_shows_a_signature(run: Run) -> None:
    grant = run.grants.grant(train_task(run.adapter(SMALL)), "uid")
    assert "X-Amz" in grant.text()
    assert "X-Amz" not in f"{grant!r} {grant}"
