"""The hub admits what participants have delivered through signed requests."""

from pathlib import Path

import pytest

from fedtrain.api.storage import S3
from fedtrain.contracts import names
from fedtrain.contracts.canonical import canonical
from fedtrain.contracts.tasks import Inspect
from fedtrain.contracts.untrusted_records import Preflight, Update
from fedtrain.ledger.s3_credentials import Keys
from fedtrain.ledger.store import LedgerCorrupt, StoreUnavailable
from tests.support.granting import LARGE, Run, deliver, train_task, update_record
from tests.support.tasks import RUN_ID

KEYS = Keys(key_id="AKIDEXAMPLE", secret="very-secret")


@pytest.fixture
def run(bucket: S3, tmp_path: Path) -> Run:
    return Run.begin(bucket, KEYS, tmp_path)


def test_records_of_revoked_participants_are_not_admitted(run: Run) -> None:
    adapter = run.adapter()
    for who in ("bank-a", "bank-b"):
        deliver(run, train_task(adapter, who), run.tensors((16, 8), 2.0))
    incoming = run.incoming("bank-b")
    incoming.admit("rounds/0001/")
    admitted = [name for name in run.ledger.names("rounds/") if name.endswith("record.json")]
    assert admitted == [names.update(1, "bank-b", 1)]


@pytest.mark.parametrize("shape", [(16, 8), LARGE], ids=["whole", "parts"])
def test_a_revoked_participant_delivers_nothing_until_it_is_invited_again(run: Run, shape: tuple[int, ...]) -> None:
    task, update = train_task(run.adapter(shape)), run.tensors(shape, 2.0)
    store = run.store_of(task)
    run.incoming().revoke({"bank-a": run.grants.created(task, "uid-bank-a")}, 1)
    for attempt in (lambda: store.put_update(update), lambda: store.existing(Update)):
        with pytest.raises(StoreUnavailable, match="has revoked this participant"):
            attempt()
    incoming = run.incoming("bank-a")
    incoming.admit("rounds/0001/")
    record = deliver(run, task, update)
    incoming.admit("rounds/0001/")
    assert run.ledger.read(names.update(1, "bank-a", 1), Update) == record
    assert run.ledger.digest(f"{names.update_folder(1, 'bank-a', 1)}/{record.file}") == record.digest


def test_a_record_that_a_revoked_participant_had_delivered_is_kept(run: Run) -> None:
    task = train_task(run.adapter())
    record = deliver(run, task, run.tensors((16, 8), 2.0))
    run.incoming().revoke({"bank-a": run.grants.created(task, "uid-bank-a")}, 1)
    run.incoming("bank-a").admit("rounds/0001/")
    assert run.ledger.read(names.update(1, "bank-a", 1), Update) == record


def test_an_admission_that_was_killed_continues(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    task = train_task(run.adapter(LARGE))
    record = deliver(run, task, run.tensors(LARGE, 2.0))
    create = run.store.create

    def killed(key: str, content: bytes | Path) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(run.store, "create", killed)
    with pytest.raises(KeyboardInterrupt):
        run.incoming("bank-a").admit("rounds/0001/")
    monkeypatch.setattr(run.store, "create", create)
    assert run.ledger.read(names.update(1, "bank-a", 1), Update) is None
    run.incoming("bank-a").admit("rounds/0001/")
    assert run.ledger.read(names.update(1, "bank-a", 1), Update) == record
    assert run.ledger.digest(f"{names.update_folder(1, 'bank-a', 1)}/{record.file}") == record.digest


def test_a_record_that_exists_is_not_replaced(run: Run) -> None:
    task = train_task(run.adapter())
    first = run.ledger.claim(names.update(1, "bank-a", 1), update_record(task, "f", "blake3:" + "0" * 64, 1))
    deliver(run, task, run.tensors((16, 8), 2.0))
    run.incoming("bank-a").admit("rounds/0001/")
    assert run.ledger.content(names.update(1, "bank-a", 1)) == canonical(first)


def test_a_malformed_record_becomes_a_fault_of_its_participant(run: Run) -> None:
    grant = run.grants.grant(train_task(run.adapter()), "uid")
    store = run.store_of(train_task(run.adapter()), grant)
    content = b"not JSON".ljust(grant.record.writes[0].size)
    store.create(grant.record.name, content, lambda grant: grant.record.writes[0])
    run.incoming("bank-a").admit("rounds/0001/")
    assert run.ledger.content(names.update(1, "bank-a", 1)) == b"not JSON"
    with pytest.raises(LedgerCorrupt):
        run.ledger.read(names.update(1, "bank-a", 1), Update)


def test_a_preflight_that_is_deleted_is_asked_for_again(run: Run) -> None:
    task = train_task("blake3:" + "0" * 64).model_copy(update={"work": Inspect(), "round": 0})
    digest = "blake3:" + "1" * 64
    record = Preflight(run_id=RUN_ID, participant="bank-a", samples=1, validation_samples=0, fingerprint=digest)
    run.store_of(task).put_record(record)
    incoming = run.incoming("bank-a")
    incoming.admit("preflight/")
    assert run.ledger.read(names.preflight("bank-a"), Preflight) == record
    run.ledger.delete(names.preflight("bank-a"))
    incoming.admit("preflight/")
    assert run.ledger.names("preflight/") == []
    assert run.store_of(task).existing(Preflight) is None


def test_an_object_with_another_name_is_not_admitted(run: Run) -> None:
    for name in ("rounds/0001/plan.json", "rounds/0001/close-1.json", "run.json", "rounds/0001/updates/x.json"):
        run.ledger.store.create(run.ledger.key(names.incoming(RUN_ID, name)), b"{}")
    run.incoming("bank-a").admit("")
    assert [name for name in run.ledger.names() if not name.startswith("incoming/")] == []
