"""A trained update that the store does not take is uploaded later, and never trained again."""

import errno
from math import sqrt
from pathlib import Path
from types import SimpleNamespace

import pytest
from fedtrain_trainer.outcome import Outcome
from fedtrain_trainer.run import run_task
from safetensors.torch import load

from fedtrain.contracts import names
from fedtrain.contracts.exit_codes import EXIT_DONE, EXIT_RETRY, EXIT_SPOOLED
from fedtrain.contracts.tasks import Assignment
from fedtrain.contracts.transfer import SPOOL_VARIABLE, UPLOAD_VARIABLE
from fedtrain.contracts.untrusted_records import Update
from fedtrain.ledger.store import LedgerRefused, StoreError, StoreUnavailable
from fedtrain.ledger.task_ledger import TaskLedger
from tests.unit.trainer.tiny_federation import Federation


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "spool"
    folder.mkdir()
    monkeypatch.setenv(SPOOL_VARIABLE, str(folder))
    return folder


def failing(federation: Federation, assignment: Assignment, error: StoreError) -> Outcome:
    """The store does not take the update."""

    class Out(TaskLedger):
        def put_update(self, path: Path) -> tuple[str, str, int]:
            raise error

    return run_task(assignment, store=Out(federation.ledger, assignment.task), models=federation.models)


def train_nothing(*_: object) -> None:
    raise AssertionError("trained again")


@pytest.mark.parametrize("error", [StoreUnavailable("the store is down"), LedgerRefused("no space")])
def test_a_later_pod_uploads_what_was_trained(
    federation: Federation, spool: Path, monkeypatch: pytest.MonkeyPatch, error: StoreError
) -> None:
    assignment = federation.assignment(federation.train_work(), round=1)
    first = failing(federation, assignment, error)
    assert (first.code, first.reason) == (EXIT_SPOOLED, str(error))
    assert federation.ledger.names("rounds/0001/") == []
    monkeypatch.setattr("fedtrain_trainer.works.with_model.train_round", train_nothing)
    monkeypatch.setenv(UPLOAD_VARIABLE, "1")
    assert failing(federation, assignment, error).code == EXIT_SPOOLED, "the outage lasts"
    assert federation.run(assignment).code == EXIT_DONE
    record = federation.record(names.update(1, "a", 1), Update)
    assert federation.ledger.digest(f"{names.update_folder(1, 'a', 1)}/{record.file}") == record.digest
    assert list(spool.iterdir()) == []
    assert federation.run(assignment).code == EXIT_DONE, "an earlier execution has done it"


def test_the_update_is_the_one_of_an_undisturbed_run(federation: Federation, spool: Path) -> None:
    undisturbed = federation.assignment(federation.train_work(), round=1)
    assert federation.run(undisturbed).code == EXIT_DONE
    assert list(spool.iterdir()) == []
    spooled = federation.assignment(federation.train_work(), round=1, attempt=2)
    assert failing(federation, spooled, StoreUnavailable("down")).code == EXIT_SPOOLED
    assert federation.run(spooled).code == EXIT_DONE
    one, two = (federation.record(names.update(1, "a", attempt), Update) for attempt in (1, 2))
    assert one == two.model_copy(update={"attempt": 1, "file": one.file})


def test_the_stated_norm_is_of_the_file_that_the_record_names(federation: Federation) -> None:
    """An execution that was killed may have sent another update, which a hub keeps."""
    assert federation.run(federation.assignment(federation.train_work(states_norm=True), round=1)).code == EXIT_DONE
    record = federation.record(names.update(1, "a", 1), Update)
    folder = names.update_folder(1, "a", 1)
    values = load(federation.ledger.content(f"{folder}/{record.file}")).values()
    norm = sqrt(sum(float(tensor.double().square().sum()) for tensor in values))
    assert record.norm is not None
    assert norm <= record.norm <= norm * (1 + 2e-8)

    class Earlier(TaskLedger):
        def put_update(self, path: Path) -> tuple[str, str, int]:
            file, _, size = super().put_update(path)
            return file, "blake3:" + "1" * 64, size

    second = federation.assignment(federation.train_work(states_norm=True), round=1, attempt=2)
    run_task(second, store=Earlier(federation.ledger, second.task), models=federation.models)
    assert federation.record(names.update(1, "a", 2), Update).norm is None
    third = federation.assignment(federation.train_work(), round=1, attempt=3)
    assert federation.run(third).code == EXIT_DONE
    assert federation.record(names.update(1, "a", 3), Update).norm is None, "the task does not ask for it"


@pytest.mark.parametrize("damage", ["missing", "truncated"])
def test_a_pod_that_only_uploads_trains_nothing(
    federation: Federation, spool: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    assignment = federation.assignment(federation.train_work(), round=1)
    assert failing(federation, assignment, StoreUnavailable("down")).code == EXIT_SPOOLED
    file = spool / "update.safetensors"
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-1])
    monkeypatch.setattr("fedtrain_trainer.works.with_model.train_round", train_nothing)
    monkeypatch.setenv(UPLOAD_VARIABLE, "1")
    lost = federation.run(assignment)
    assert lost.code == EXIT_RETRY
    assert "no longer in the spool" in lost.reason


def test_an_update_that_another_server_answers_stays_in_the_spool(federation: Federation, spool: Path) -> None:
    """A proxy's page while the store is down, for example."""
    page = StoreError("what answers doesn't speak S3")
    page.unanswered = "storage.s3.endpoint"
    assignment = federation.assignment(federation.train_work(), round=1)
    first = failing(federation, assignment, page)
    assert (first.code, first.reason) == (EXIT_SPOOLED, page.public)
    assert len(list(spool.iterdir())) == 2


def test_without_a_spool_the_attempt_fails(federation: Federation) -> None:
    assignment = federation.assignment(federation.train_work(), round=1)
    assert failing(federation, assignment, StoreUnavailable("down")).code == EXIT_RETRY


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_an_update_for_which_the_spool_has_no_space_is_uploaded(
    federation: Federation, spool: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("fedtrain_trainer.spool.shutil", SimpleNamespace(copyfileobj=full))
    assignment = federation.assignment(federation.train_work(), round=1)
    assert federation.run(assignment).code == EXIT_DONE
    assert federation.record(names.update(1, "a", 1), Update).samples > 0
    assert f"{spool}: the spool does not take the trained update: No space left on device" in caplog.text
    assert list(spool.iterdir()) == []


def test_an_update_that_neither_spool_nor_store_takes_is_trained_again(
    federation: Federation, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not `Spooled`: there is nothing to upload."""
    monkeypatch.setattr("fedtrain_trainer.spool.shutil", SimpleNamespace(copyfileobj=full))
    assignment = federation.assignment(federation.train_work(), round=1)
    assert failing(federation, assignment, StoreUnavailable("the store is down")).code == EXIT_RETRY
    assert list(spool.iterdir()) == []


def undeletable(monkeypatch: pytest.MonkeyPatch, *files: Path) -> None:
    unlink = Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path in files:
            raise OSError(errno.EROFS, "Read-only file system")
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)


def test_an_update_is_uploaded_if_the_spool_turned_read_only(
    federation: Federation, spool: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Deleting a file that does not exist is an error there, too."""
    monkeypatch.setattr("fedtrain_trainer.spool.shutil", SimpleNamespace(copyfileobj=full))
    undeletable(monkeypatch, spool / ".update.safetensors", spool / "update.safetensors", spool / "record.json")
    assignment = federation.assignment(federation.train_work(), round=1)
    assert federation.run(assignment).code == EXIT_DONE
    assert federation.record(names.update(1, "a", 1), Update).samples > 0
    assert f"{spool}: the spool does not take the trained update: Read-only file system" in caplog.text


def test_a_task_whose_update_is_sent_is_done_if_the_spool_cannot_be_cleared(
    federation: Federation, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assignment = federation.assignment(federation.train_work(), round=1)
    assert failing(federation, assignment, StoreUnavailable("down")).code == EXIT_SPOOLED
    undeletable(monkeypatch, spool / "record.json")
    assert federation.run(assignment).code == EXIT_DONE
    assert sorted(file.name for file in spool.iterdir()) == ["record.json"], "the other file is deleted"
