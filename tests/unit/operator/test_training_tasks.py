"""A TrainingTask says what is to be done, and nothing about who may write into the bucket."""

import json

from fedtrain_operator.shared import labels
from fedtrain_operator.shared.kinds import Ref

from fedtrain.api.training_task import TrainingTask
from fedtrain.contracts.tasks import Task
from fedtrain.rounds import orders
from fedtrain.rounds.snapshot import TaskKey
from tests.unit.operator.worlds import run, spec, task


def test_the_kinds_model_reads_it_and_the_trainer_gets_the_task_unchanged() -> None:
    read = TrainingTask.model_validate(task())
    wanted = orders.inspect_task(spec(), run(), TaskKey(0, "Inspect", "bank-a", 1))
    assert Task.model_validate_json(read.spec.task.model_dump_json(by_alias=True, exclude_none=True)) == wanted


def test_it_is_in_the_participants_namespace_and_asks_for_its_compute() -> None:
    body = task("bank-b")
    assert body["metadata"]["namespace"] == "at-bank-b"
    assert body["spec"]["compute"]["gpusPerNode"] == 2


def test_it_names_the_copy_of_the_credentials_beside_it_and_not_the_hubs_secret() -> None:
    body = task()
    assert body["spec"]["credentialsSecretRef"] == {"name": labels.secret_name(Ref("hub", "tickets"))}
    assert "bucket-keys" not in json.dumps(body)


def test_without_a_secret_the_pods_own_role_holds() -> None:
    assert "credentialsSecretRef" not in task(storage={"type": "S3", "s3": {"bucket": "runs"}})["spec"]
