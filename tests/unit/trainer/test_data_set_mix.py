"""A participant counts and trains on several data sets, in the slices of the task."""

from pathlib import Path
from typing import Any

import pytest
from fedtrain_trainer.data import DatasetSplit, Split
from tiny_federation import Federation, classified, write_rows

from fedtrain.contracts import names
from fedtrain.contracts.places import Place
from fedtrain.contracts.tasks import Assignment, Train
from fedtrain.contracts.untrusted_records import Preflight, Update
from fedtrain.data.row import Row

DATA: dict[str, Any] = {
    "datasets": [
        {"name": "notes", "share": 3},
        {"name": "guidelines", "share": 1, "format": "Text", "fields": {"text": "body"}},
    ],
    "format": "PromptCompletion",
    "maxLength": 64,
    "validationFraction": 0.2,
}


class Mixed(Federation):
    """A participant with 40 notes and 10 guidelines."""

    def __init__(self, folder: Path, base: Path) -> None:
        super().__init__(folder, base, classified(40))
        self.guidelines = write_rows(folder / "guidelines.jsonl", [{"body": f"a cat is {at}"} for at in range(10)])
        self.format = DATA

    def assignment(self, work: dict[str, Any], **key: Any) -> Assignment:
        made = super().assignment(work, **key)
        data = tuple(Place(name="data", number=number) for number in (1, 2))
        places = made.binding.places.model_copy(update={"data": data})
        uris = (str(self.data), str(self.guidelines))
        binding = made.binding.model_copy(update={"places": places, "data_uris": uris})
        return made.model_copy(update={"binding": binding})

    def mixed_work(self) -> dict[str, Any]:
        slices = [
            {"name": "notes", "population": 32, "start": 0, "samples": 12},
            {"name": "guidelines", "population": 8, "start": 0, "samples": 4},
        ]
        return self.train_work(datasets=slices)


@pytest.fixture
def mixed(tmp_path: Path, bases: dict[str, Path]) -> Mixed:
    return Mixed(tmp_path, bases["llama"])


def refusal(mixed: Mixed, work: dict[str, Any]) -> str:
    return mixed.run(mixed.assignment(work, round=1)).reason


def test_a_preflight_counts_each_data_set(mixed: Mixed) -> None:
    counted = mixed.inspected()
    assert counted.datasets is not None
    assert [(one.name, one.samples, one.validation_samples) for one in counted.datasets] == [
        ("notes", 32, 8),
        ("guidelines", 8, 2),
    ]
    assert (counted.samples, counted.validation_samples) == (40, 10)


def test_two_executions_of_a_task_send_the_same_update(mixed: Mixed, bases: dict[str, Path]) -> None:
    again = Mixed(mixed.sibling("again"), bases["llama"])
    sent: list[Update] = []
    for federation in (mixed, again):
        assert federation.run(federation.assignment(federation.mixed_work(), round=1)).reason == ""
        sent.append(federation.record(names.update(1, "a", 1), Update))
    assert sent[0].digest == sent[1].digest
    assert (sent[0].samples, sent[0].distinct) == (16, 16)
    assert sent[0].validation_loss is not None


def test_rows_that_moved_from_one_data_set_to_another_are_a_change(mixed: Mixed) -> None:
    work = mixed.mixed_work()
    with mixed.guidelines.open("a") as file:
        file.write('{"body": "one more"}\n')
    assert "the data changed since the run began" in refusal(mixed, work)


def test_a_task_without_a_slice_for_each_data_set_is_refused(mixed: Mixed) -> None:
    work = mixed.train_work()
    assert "the task has no slice for each data set; update fedtrain at the hub" in refusal(mixed, work)


def test_an_invalid_row_is_reported_with_its_data_set(mixed: Mixed) -> None:
    mixed.guidelines.write_text('{"body": "a"}\n{"other": "b"}\n')
    reason = mixed.run(mixed.assignment({"type": "Inspect"})).reason
    assert reason.startswith("data set guidelines: guidelines.jsonl:2: ")


def test_a_window_has_the_rows_of_each_slice() -> None:
    def split(name: str, count: int) -> DatasetSplit:
        return DatasetSplit(name, f"a/{name}", [Row(f"{name}:{at}", {"text": str(at)}) for at in range(count)], [])

    work = Train.model_validate(
        {
            "adapter": "blake3:" + 64 * "0", "config": "blake3:" + 64 * "0", "fingerprint": "blake3:" + 64 * "0",
            "population": 15, "start": 0, "samples": 20, "distinct": 15, "seed": 1, "progressStart": 0.0,
            "progressEnd": 1.0,
            "datasets": [
                {"name": "notes", "population": 10, "start": 0, "samples": 10},
                {"name": "guidelines", "population": 5, "start": 5, "samples": 10},
            ],
        }
    )  # fmt: skip
    window = Split((split("notes", 10), split("guidelines", 5)), "blake3:" + 64 * "0").window(work, 7)
    counts = {row.where: [one.where for one in window].count(row.where) for row in window}
    assert {where for where, count in counts.items() if count == 1} == {f"notes:{at}" for at in range(10)}
    assert {where for where, count in counts.items() if count == 2} == {f"guidelines:{at}" for at in range(5)}


def test_the_fingerprint_changes_with_the_names_of_the_data_sets(mixed: Mixed, bases: dict[str, Path]) -> None:
    other = Mixed(mixed.sibling("other"), bases["llama"])
    other.format = {**DATA, "datasets": [{**DATA["datasets"][0], "name": "letters"}, DATA["datasets"][1]]}
    found: list[Preflight] = [federation.inspected() for federation in (mixed, other)]
    assert found[0].fingerprint != found[1].fingerprint
