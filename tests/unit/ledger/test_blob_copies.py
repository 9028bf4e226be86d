"""The copies that participants read: revoking one makes its reads empty, and the others continue with new requests."""

from pathlib import Path

import pytest

from fedtrain.api.storage import S3
from fedtrain.contracts import names
from fedtrain.contracts.wire.transfer import TransferGrant
from fedtrain.ledger import presigned_requests
from fedtrain.ledger.blob_copies import readers_of
from fedtrain.ledger.presigned_requests import Patience
from fedtrain.ledger.presigned_store import PresignedTaskStore
from fedtrain.ledger.s3_credentials import Keys
from fedtrain.ledger.store import StoreUnavailable
from fedtrain.ledger.task_requests import Grants
from tests.support.granting import LARGE, SMALL, Run, train_task

BOTH, ONE = readers_of(["uid of bank-a", "uid of bank-b"]), readers_of(["uid of bank-b"])


@pytest.fixture
def run(bucket: S3, tmp_path: Path) -> Run:
    return Run.begin(bucket, Keys(key_id="AKIDEXAMPLE", secret="very-secret"), tmp_path)


def grants(run: Run, readers: str) -> Grants:
    """As another process of the coordinator has them."""
    made = run.grants
    made.copies.readers = readers
    return made


def copies(run: Run) -> dict[str, int | None]:
    return {name: run.ledger.size(name) for name in run.ledger.names("copies/")}


class Pod:
    """Reads with `before`. Whenever it waits for renewed requests, it gets `after`."""

    def __init__(self, run: Run, before: TransferGrant, after: TransferGrant | None = None) -> None:
        self.pauses: list[float] = []
        task = train_task(next(iter(before.blobs)))
        patience = Patience(outage_seconds=0.0, renewal_seconds=60.0)
        self.store = PresignedTaskStore(
            task, run.s3, lambda: after if after is not None and self.pauses else before, patience
        )
        self.store._requests._sleep = self.pauses.append  # pyright: ignore[reportPrivateUsage]


def test_reads_of_a_revoked_participant_are_empty_and_those_of_the_others_continue(run: Run, tmp_path: Path) -> None:
    adapter, fetched = run.adapter(), tmp_path / "fetched"
    signed = {who: grants(run, BOTH).grant(train_task(adapter, who), who) for who in ("bank-a", "bank-b")}
    Pod(run, signed["bank-a"]).store.fetch(adapter, fetched)
    left = grants(run, ONE)
    left.copies.withdraw()
    with pytest.raises(StoreUnavailable, match="the hub has not renewed them"):
        Pod(run, signed["bank-a"]).store.fetch(adapter, fetched)
    assert fetched.read_bytes() == b""
    other = Pod(run, signed["bank-b"], left.grant(train_task(adapter, "bank-b"), "bank-b"))
    other.store.fetch(adapter, fetched)
    assert fetched.read_bytes() == run.tensors(SMALL).read_bytes()
    assert len(other.pauses) == 1
    assert run.ledger.digest(names.blob(adapter)) == adapter, "the ledger is as it was"


def test_a_download_that_is_interrupted_by_a_revocation_continues_where_it_was(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter, left = run.adapter(LARGE), grants(run, ONE)
    before = grants(run, BOTH).grant(train_task(adapter), "uid")
    pod = Pod(run, before, left.grant(train_task(adapter), "uid"))
    starts: list[int] = []
    request = presigned_requests.Requests.range

    def noted(self: presigned_requests.Requests, name: str, choose: presigned_requests.Choose, start: int) -> object:
        if starts:
            left.copies.withdraw()
        starts.append(start)
        return request(self, name, choose, start)

    monkeypatch.setattr(presigned_requests.Requests, "range", noted)
    pod.store.fetch(adapter, tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == run.tensors(LARGE).read_bytes()
    part = presigned_requests.PART
    assert starts == [0, part, part]


def test_a_withdrawal_that_was_killed_is_repeated(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = run.adapter()
    grants(run, BOTH).grant(train_task(adapter), "uid")
    with monkeypatch.context() as patched:
        replace = run.store.replace
        patched.setattr(run.store, "replace", lambda key, content: _once(replace, key, content))
        with pytest.raises(InterruptedError):
            grants(run, ONE).copies.withdraw()
    assert sorted(map(bool, copies(run).values())) == [False, True]
    left = grants(run, ONE)
    left.copies.withdraw()
    assert set(copies(run).values()) == {0}
    left.grant(train_task(adapter), "uid")
    assert all(bool(size) == (f"/{ONE}/" in name) for name, size in copies(run).items())


def _once(replace: object, key: str, content: bytes) -> None:
    replace(key, content)  # pyright: ignore
    raise InterruptedError


def test_participants_that_are_the_same_as_at_an_earlier_time_get_copies_again(run: Run, tmp_path: Path) -> None:
    adapter = run.adapter()
    again = grants(run, BOTH)
    again.grant(train_task(adapter), "uid")
    grants(run, ONE).copies.withdraw()
    Pod(run, grants(run, BOTH).grant(train_task(adapter), "uid")).store.fetch(adapter, tmp_path / "fetched")


def test_copies_that_no_task_reads_any_more_are_deleted(run: Run) -> None:
    first, second = run.adapter(), run.ledger.put_blob(run.tensors(SMALL, 2.0))
    hub = grants(run, BOTH)
    hub.grant(train_task(first), "uid-1")
    hub.grant(train_task(second, round=2), "uid-2")
    assert len(copies(run)) == 3, "both rounds have the same configuration"
    hub.copies.delete_unused(["uid-2", "signed by an earlier process"])
    assert len(copies(run)) == 3
    hub.copies.delete_unused(["uid-2"])
    assert copies(run).keys() == {name for name in copies(run) if not name.endswith(first.removeprefix("blake3:"))}
    assert len(copies(run)) == 2
    hub.copies.delete_unused([])
    assert copies(run) == {}
