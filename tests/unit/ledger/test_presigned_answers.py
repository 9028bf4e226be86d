"""Answers to presigned requests that break off, as over a bad link, or that no S3 server has sent."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3

from fedtrain.api.storage import S3
from fedtrain.contracts.digests import digest_file
from fedtrain.contracts.tasks import Task
from fedtrain.contracts.untrusted_records import Update
from fedtrain.ledger.presigned_requests import Patience
from fedtrain.ledger.presigned_store import PresignedTaskStore
from fedtrain.ledger.s3_credentials import Keys
from fedtrain.ledger.store import StoreError, StoreUnavailable
from tests.support.granting import IMPATIENT, LARGE, SMALL, Run, train_task, update_record
from tests.unit.ledger.s3_fake import NOT_S3, Answer, Request, failure, serving

HTTP = urllib3.PoolManager()
PATIENT = Patience(outage_seconds=60.0, renewal_seconds=60.0)
EXECUTION = "a" * 32
NO_STORE = "no S3 server answers at storage.s3.endpoint. Check endpoint, caFile and network policies"


@contextmanager
def in_front_of(s3: S3, answer: Callable[[str, Callable[[], Answer]], Answer]) -> Iterator[S3]:
    """A proxy before a real server. `answer` returns what it answers to an operation of S3 ("" for one that is not
    presigned, as those of the hub), and may call the server."""

    def forwarded(request: Request) -> Answer:
        url = f"{s3.endpoint}{request.path}"
        own = HTTP.request(request.method, url, body=request.body, headers=request.headers, redirect=False)
        kept = {name: value for name, value in own.headers.items() if name.lower() not in ("connection", "server")}
        return Answer(own.status, own.data, kept)

    with serving(lambda request: answer(operation_of(request), lambda: forwarded(request))) as front:
        yield s3.model_copy(update={"endpoint": front.endpoint})


def half(answer: Answer) -> Answer:
    """An answer that breaks off in its middle."""
    headers = {name: value for name, value in answer.headers.items() if name.lower() != "content-length"}
    return replace(answer, body=answer.body[: len(answer.body) // 2], headers=headers, broken=True)


def operation_of(request: Request) -> str:
    """S3's name of a presigned request; "" for one that is signed in a header, as those of the hub are."""
    query = parse_qs(urlsplit(request.path).query)
    if "X-Amz-Signature" not in query:
        return ""
    if request.method == "GET":
        return "ListParts" if "uploadId" in query else "GetObject"
    return "UploadPart" if "uploadId" in query else "PutObject"


def fetched(store: PresignedTaskStore, run: Run, task: Task) -> None:
    target = run.folder / "fetched"
    store.fetch(run.adapter(), target)
    assert target.read_bytes() == run.tensors(SMALL).read_bytes()


def no_record(store: PresignedTaskStore, run: Run, task: Task) -> None:
    assert store.existing(Update) is None


def small_update(store: PresignedTaskStore, run: Run, task: Task) -> None:
    update = run.tensors(SMALL, 2.0)
    assert store.put_update(update)[1:] == (digest_file(update), update.stat().st_size)


def large_update(store: PresignedTaskStore, run: Run, task: Task) -> None:
    update = run.tensors(LARGE, 2.0)
    assert store.put_update(update)[1:] == (digest_file(update), update.stat().st_size)


def record(store: PresignedTaskStore, run: Run, task: Task) -> None:
    sent = update_record(task, "f", "blake3:" + "0" * 64, 1)
    assert store.put_record(sent) == sent == store.existing(Update)


def noise(store: PresignedTaskStore, run: Run, task: Task) -> None:
    assert store.claim_noise(EXECUTION)
    assert not store.claim_noise("b" * 32)


Work = Callable[[PresignedTaskStore, Run, Task], None]
WORKS: dict[str, tuple[Work, str]] = {
    "fetch": (fetched, "GetObject"),
    "existing": (no_record, "GetObject"),
    "update": (small_update, "PutObject"),
    "record": (record, "PutObject"),
    "noise": (noise, "PutObject"),
    "parts of the store": (large_update, "ListParts"),
    "part": (large_update, "UploadPart"),
}
"""What a task does, and the first request of that."""


def store_of(run: Run, work: Work, patience: Patience = PATIENT) -> tuple[PresignedTaskStore, Task]:
    task = train_task(run.adapter(LARGE if work is large_update else SMALL))
    store = run.store_of(task, patience=patience)
    store._requests._sleep = lambda seconds: None  # pyright: ignore[reportPrivateUsage]
    store._upload_outage = patience.outage_seconds  # pyright: ignore[reportPrivateUsage]
    return store, task


def run_at(s3: S3, folder: Path) -> Run:
    return Run.begin(s3, Keys(key_id="AKIDEXAMPLE", secret="very-secret"), folder)


@pytest.mark.parametrize("busy", [False, True], ids=["done", "busy"])
@pytest.mark.parametrize(("work", "operation"), WORKS.values(), ids=WORKS)
def test_a_request_whose_answer_breaks_off_is_sent_again(
    bucket: S3, tmp_path: Path, work: Work, operation: str, busy: bool
) -> None:
    seen: Counter[str] = Counter()

    def answer(asked: str, forward: Callable[[], Answer]) -> Answer:
        seen[asked] += 1
        if asked != operation or seen[asked] > 1:
            return forward()
        return half(failure(503, "SlowDown") if busy else forward())

    with in_front_of(bucket, answer) as s3:
        run = run_at(s3, tmp_path)
        store, task = store_of(run, work)
        work(store, run, task)
    assert seen[operation] > 1


def test_answers_that_keep_breaking_off_are_an_outage(bucket: S3, tmp_path: Path) -> None:
    with in_front_of(bucket, lambda asked, forward: half(forward()) if asked else forward()) as s3:
        store, _ = store_of(run_at(s3, tmp_path), no_record)
        with pytest.raises(StoreUnavailable, match="the answer broke off") as raised:
            store.existing(Update)
    assert raised.value.unanswered == "storage.s3.endpoint"
    assert "X-Amz" not in f"{raised.value} {raised.value.__cause__} {raised.value.__context__}"


@pytest.mark.parametrize("other", NOT_S3.values(), ids=NOT_S3)
@pytest.mark.parametrize(("work", "operation"), WORKS.values(), ids=WORKS)
def test_an_answer_of_another_server_looks_like_a_closed_port_and_never_like_a_write(
    bucket: S3, tmp_path: Path, work: Work, operation: str, other: Answer
) -> None:
    with in_front_of(bucket, lambda asked, forward: other if asked == operation else forward()) as s3:
        run = run_at(s3, tmp_path)
        store, task = store_of(run, work, IMPATIENT)
        with pytest.raises(StoreError) as raised:
            work(store, run, task)
    assert raised.value.public == NO_STORE


def test_an_answer_that_is_longer_than_any_of_s3_is_refused_at_once(bucket: S3, tmp_path: Path) -> None:
    seen: Counter[str] = Counter()

    def answer(asked: str, forward: Callable[[], Answer]) -> Answer:
        seen[asked] += 1
        return Answer(200, b"", {"Content-Length": str(2**24)}) if asked else forward()

    with in_front_of(bucket, answer) as s3:
        store, _ = store_of(run_at(s3, tmp_path), no_record)
        with pytest.raises(StoreError, match="the answer has 16777216 bytes") as raised:
            store.existing(Update)
    assert not isinstance(raised.value, StoreUnavailable)
    assert seen["GetObject"] == 1
