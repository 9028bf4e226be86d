"""Stores that do not copy objects: a run does not begin there. One that stops copying later signs no further requests,
and a participant that is revoked meanwhile reads nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import urllib3
from s3_fake import Answer, Request, failure, serving

from fedtrain.api.storage import S3
from fedtrain.ledger.blob_copies import readers_of
from fedtrain.ledger.s3_credentials import Keys
from fedtrain.ledger.store import StoreError, StoreRefused, StoreUnavailable
from fedtrain.ledger.task_requests import Grants
from tests.support.granting import SMALL, Run, train_task

HTTP = urllib3.PoolManager()
BOTH, ONE = readers_of(["uid of bank-a", "uid of bank-b"]), readers_of(["uid of bank-b"])
UNKNOWN = {
    "not implemented": failure(501, "NotImplemented"),
    "not allowed": failure(405, "MethodNotAllowed"),
    "501 without a code": Answer(501),
    "405 without a code": Answer(405),
    "an empty object instead": Answer(200),
}


@contextmanager
def copying(s3: S3, copies: list[Answer]) -> Iterator[S3]:
    """A real server whose answers to CopyObject are those of `copies`, the last one for ever; its own without any."""

    def answer(request: Request) -> Answer:
        if "x-amz-copy-source" in request.headers and copies:
            return copies.pop(0) if len(copies) > 1 else copies[0]
        own = HTTP.request(
            request.method, f"{s3.endpoint}{request.path}", body=request.body, headers=request.headers, redirect=False
        )
        kept = {name: value for name, value in own.headers.items() if name.lower() not in ("connection", "server")}
        return Answer(own.status, own.data, kept)

    with serving(answer) as front:
        yield s3.model_copy(update={"endpoint": front.endpoint})


def run_at(s3: S3, folder: Path) -> Run:
    return Run.begin(s3, Keys(key_id="AKIDEXAMPLE", secret="very-secret"), folder)


@pytest.mark.parametrize("copies", UNKNOWN.values(), ids=UNKNOWN.keys())
def test_a_server_that_does_not_know_copies_is_refused_in_these_words(
    bucket: S3, tmp_path: Path, copies: Answer
) -> None:
    with copying(bucket, [copies]) as s3:
        run = run_at(s3, tmp_path)
        with pytest.raises(StoreError) as refused:
            run.grants.copies.check()
        assert type(refused.value) is StoreError
        assert refused.value.public == str(refused.value), "an S3 server has answered, so that its words are shown"
        assert "the server doesn't know CopyObject. Update the server, or use another store" in str(refused.value)
        assert repr(s3.bucket) in str(refused.value)
        assert run.ledger.names() == []


def test_a_server_that_copies_is_accepted_and_left_empty(bucket: S3, tmp_path: Path) -> None:
    run = run_at(bucket, tmp_path)
    run.grants.copies.check()
    assert run.ledger.names() == []


def test_a_copy_that_differs_is_refused(bucket: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_at(bucket, tmp_path)
    grants = run.grants
    monkeypatch.setattr(run.store, "copy", lambda key, target: run.store.replace(target, b"another"))
    with pytest.raises(StoreError, match="copy of an object differs"):
        grants.copies.check()


def test_a_revoked_participant_reads_nothing_while_the_store_copies_nothing_and_the_others_continue_afterwards(
    bucket: S3, tmp_path: Path
) -> None:
    copies: list[Answer] = []
    with copying(bucket, copies) as s3:
        run, fetched = run_at(s3, tmp_path), tmp_path / "fetched"
        adapter = run.adapter()
        before = granting(run, BOTH)
        tasks = {who: train_task(adapter, who) for who in ("bank-a", "bank-b")}
        signed = {who: before.grant(task, who) for who, task in tasks.items()}
        run.store_of(tasks["bank-a"], signed["bank-a"]).fetch(adapter, fetched)

        copies.append(failure(403, "AccessDenied"))
        left = granting(run, ONE)
        left.copies.withdraw()
        for who, task in tasks.items():
            with pytest.raises(StoreUnavailable, match="the hub has not renewed them"):
                run.store_of(task, signed[who]).fetch(adapter, fetched)
            assert fetched.read_bytes() == b""
        with pytest.raises(StoreRefused, match="Grant s3:GetObject and s3:PutObject on the run's prefix"):
            left.grant(tasks["bank-b"], "bank-b")

        copies.clear()
        run.store_of(tasks["bank-b"], left.grant(tasks["bank-b"], "bank-b")).fetch(adapter, fetched)
        assert fetched.read_bytes() == run.tensors(SMALL).read_bytes()
        with pytest.raises(StoreUnavailable):
            run.store_of(tasks["bank-a"], signed["bank-a"]).fetch(adapter, fetched)


def granting(run: Run, readers: str) -> Grants:
    """As another process of the coordinator signs."""
    made = run.grants
    made.copies.readers = readers
    return made
