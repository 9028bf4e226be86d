"""A task writes its own record under its own name, and nothing else."""

from pathlib import Path
from typing import get_args

import pytest

from fedtrain.contracts import names
from fedtrain.contracts.record import Record
from fedtrain.contracts.records import Evaluation, Initial, ModelFacts
from fedtrain.contracts.tasks import Evaluate, Initialise, Inspect, Measure, Task, Work
from fedtrain.contracts.untrusted_records import Measurement, Preflight, Update
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.store import LedgerCorrupt
from fedtrain.ledger.task_ledger import TaskLedger
from fedtrain.ledger.task_store import TaskStore
from tests.support.tasks import DIGEST as D
from tests.support.tasks import RUN_ID, task_of, train_work
from tests.support.updates import an_update

TRAIN = train_work()
UPDATE = an_update(round=2, participant="anna", attempt=3)
CASES: list[tuple[Work, str | None, Record, str, str]] = [
    (
        Initialise(seed=1),
        None,
        Initial(
            run_id="r1",
            adapter=D,
            config=D,
            facts=ModelFacts(base_parameters=1, adapter_parameters=1, hidden_size=1, layers=1, vocabulary=1),
        ),
        names.initial(),
        "_initialise-3",
    ),
    (
        Inspect(),
        "anna",
        Preflight(run_id="r1", participant="anna", samples=1, validation_samples=0, fingerprint=D),
        names.preflight("anna"),
        "_inspect-anna-3",
    ),
    (TRAIN, "anna", UPDATE, names.update(2, "anna", 3), "anna-3"),
    (
        Measure(adapter=D, config=D, fingerprint=D, metrics=()),
        "anna",
        Measurement(run_id="r1", round=2, participant="anna", adapter=D, metrics={"loss": 1.0}),
        names.measurement(2, "anna"),
        "_measure-anna-3",
    ),
    (
        Evaluate(k=2, adapter=D, config=D, metrics=()),
        None,
        Evaluation(run_id="r1", round=2, k=2, adapter=D, samples=1, metrics={"loss": 1.0}),
        names.evaluation(2, 2),
        "_evaluate-2-3",
    ),
]


def task(work: Work, participant: str | None, run_id: str = RUN_ID) -> Task:
    return task_of(work, participant, namespace="default", name="demo", run_id=run_id, round=2, attempt=3)


def test_every_kind_of_work_is_covered():
    kinds = get_args(get_args(Work)[0])
    assert {type(work) for work, *_ in CASES} == set(kinds)


@pytest.mark.parametrize(("work", "participant", "record", "name", "folder"), CASES)
def test_a_task_writes_its_record_and_telemetry_where_others_look(
    folder_ledger: Ledger, work: Work, participant: str | None, record: Record, name: str, folder: str
):
    store: TaskStore = TaskLedger(folder_ledger, task(work, participant))
    assert store.existing(type(record)) is None
    assert store.put_record(record) == record
    store.put_telemetry("trainer.json", b"{}")
    assert folder_ledger.names() == [name, names.telemetry(f"rounds/0002/{folder}/trainer.json")]
    again = TaskLedger(folder_ledger, task(work, participant))
    assert again.existing(type(record)) == record
    other = record.model_copy(update={"samples": 77}) if hasattr(record, "samples") else record
    assert again.put_record(other) == record


def test_two_executions_of_one_attempt_write_files_of_their_own(ledger: Ledger, tmp_path: Path):
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(b"first")
    second.write_bytes(b"second")
    results = [TaskLedger(ledger, task(TRAIN, "anna")).put_update(path) for path in (first, second, first)]
    assert [size for *_, size in results] == [5, 6, 5]
    folder = names.update_folder(2, "anna", 3)
    assert sorted(f"{folder}/{file}" for file, *_ in results) == ledger.names(folder)
    for file, digest, size in results:
        assert ledger.digest(f"{folder}/{file}") == digest
        assert ledger.size(f"{folder}/{file}") == size


def test_a_blob_goes_in_and_comes_out(ledger: Ledger, tmp_path: Path):
    (tmp_path / "in").write_bytes(b"adapter")
    store = TaskLedger(ledger, task(Initialise(seed=1), None))
    store.fetch(store.put_blob(tmp_path / "in"), tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"adapter"


def test_a_record_of_another_kind_of_work_is_refused(folder_ledger: Ledger):
    store = TaskLedger(folder_ledger, task(Inspect(), "anna"))
    with pytest.raises(TypeError, match="Inspect work leaves a Preflight record, not Update"):
        store.put_record(UPDATE)
    assert folder_ledger.names() == []


def test_the_record_of_another_run_is_never_taken_for_ones_own(folder_ledger: Ledger):
    TaskLedger(folder_ledger, task(TRAIN, "anna")).put_record(UPDATE)
    with pytest.raises(LedgerCorrupt, match="belongs to run r1, not to r2"):
        TaskLedger(folder_ledger, task(TRAIN, "anna", run_id="r2")).existing(Update)


def test_a_participants_work_without_a_participant_is_refused(folder_ledger: Ledger):
    with pytest.raises(ValueError, match="names none"):
        TaskLedger(folder_ledger, task(TRAIN, None))
