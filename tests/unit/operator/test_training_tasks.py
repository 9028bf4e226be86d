"""A TrainingTask says what is to be done, and nothing about who may write into the bucket."""

import json
from collections.abc import Iterator

import pytest

from fedtrain.api.base import Block
from fedtrain.api.data import Data
from fedtrain.api.evaluation import Metric
from fedtrain.api.model import Model
from fedtrain.api.participants import Compute
from fedtrain.api.shapes import fields_of
from fedtrain.api.storage import Storage
from fedtrain.api.training import Training
from fedtrain.api.training_task import TrainingTask
from fedtrain.contracts.tasks import Evaluate, Initialise, Inspect, Measure, Task, Work
from fedtrain.manifests.training_task import plain
from fedtrain.rounds import orders
from fedtrain.rounds.snapshot import TaskKey
from tests.support.tasks import DIGEST, train_work
from tests.unit.operator.worlds import run, spec, task

METRICS = (Metric(name="loss", type="Loss"),)


def test_the_kinds_model_reads_it_and_the_trainer_gets_the_task_unchanged() -> None:
    read = TrainingTask.model_validate(task())
    wanted = orders.inspect_task(spec(), run(), TaskKey(0, "Inspect", "bank-a", 1))
    assert Task.model_validate_json(read.spec.task.model_dump_json(by_alias=True, exclude_none=True)) == wanted


WORKS: tuple[Work, ...] = (
    Initialise(seed=17),
    Inspect(),
    train_work(seed=2**32 - 1, progress_end=1 / 3),
    Measure(adapter=DIGEST, config=DIGEST, fingerprint=DIGEST, metrics=METRICS),
    Evaluate(k=0, adapter=DIGEST, config=DIGEST, metrics=METRICS),
)


@pytest.mark.parametrize("work", WORKS, ids=lambda work: work.type)
def test_what_is_unset_is_left_out_and_reads_back_the_same(work: Work) -> None:
    inspect = orders.inspect_task(spec(), run(), TaskKey(0, "Inspect", "bank-a", 1))
    whole = inspect.model_copy(update={"work": work, "participant": None})
    assert Task.model_validate_json(json.dumps(plain(whole))) == whole


def test_no_field_of_a_task_means_anything_by_none_but_that_it_is_unset() -> None:
    def blocks(block: type[Block]) -> Iterator[type[Block]]:
        yield block
        for field in fields_of(block).values():
            inner = field.shape.block or (field.shape.item.block if field.shape.item else None)
            if inner is not None:
                yield from blocks(inner)

    plain_blocks = (block for top in (Model, Data, Training, Storage, Compute, Metric) for block in blocks(top))
    optional = [field for block in plain_blocks for field in fields_of(block).values() if field.shape.optional]
    assert len(optional) >= 10
    assert [field.name for field in optional if field.info.get_default() is not None] == []


def test_it_is_in_the_participants_namespace_and_asks_for_its_compute() -> None:
    body = task("bank-b")
    assert body["metadata"]["namespace"] == "at-bank-b"
    assert body["spec"]["compute"]["gpusPerNode"] == 2


def test_it_names_no_secret() -> None:
    assert "credentialsSecretRef" not in json.dumps(task())
    assert "bucket-keys" not in json.dumps(task())
