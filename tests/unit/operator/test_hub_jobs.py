"""The hub's Jobs: which image, which order, whose credentials."""

import json
from typing import Any

from fedtrain_operator.coordinator.jobs import hub_job

from fedtrain.contracts.tasks import Assignment
from fedtrain.rounds import orders
from fedtrain.rounds.decision import AggregateOrder
from fedtrain.rounds.snapshot import TaskKey
from tests.unit.operator.worlds import SETTINGS, run, spec

HUB = {"hub": {"data": {"uri": "s3://bucket/test.jsonl"}}}
AGGREGATE = TaskKey(3, "Aggregate", "_aggregate-1", 1)
EVALUATE = TaskKey(3, "Evaluate", "_evaluate-1", 1)


def container(job: dict[str, Any]) -> dict[str, Any]:
    return job["spec"]["template"]["spec"]["containers"][0]


def assignment(job: dict[str, Any]) -> str:
    return next(item["value"] for item in container(job)["env"] if item["name"] == "FEDTRAIN_ASSIGNMENT")


def test_aggregation_runs_in_the_hubs_image_with_its_order_in_the_environment() -> None:
    job = hub_job(spec(), run(), AGGREGATE, AggregateOrder(3, 1), SETTINGS, "uid")
    assert container(job)["image"] == SETTINGS.hub_image
    assert container(job)["command"][:3] == ["python", "-m", "fedtrain_aggregator"]
    order = json.loads(assignment(job))
    assert (order["namespace"], order["name"], order["round"], order["k"]) == ("hub", "tickets", 3, 1)
    assert order["storage"]["s3"]["bucket"] == "runs"


def test_evaluation_runs_in_the_trainers_image_on_the_hubs_data() -> None:
    whole = spec(evaluation=HUB)
    task = orders.evaluate_task(whole, run(), EVALUATE, 1, "blake3:" + "0" * 64, "blake3:" + "1" * 64)
    job = hub_job(whole, run(), EVALUATE, task, SETTINGS, "uid")
    assert container(job)["image"] == SETTINGS.trainer_image
    read = Assignment.model_validate_json(assignment(job))
    assert read.task == task
    assert read.binding.data_uri == "s3://bucket/test.jsonl"


def test_the_adapter_to_go_on_from_is_bound_where_the_file_says() -> None:
    initial = {"initialFrom": {"uri": "s3://bucket/adapter", "digest": "blake3:" + "0" * 64}}
    whole = spec(model={"base": "s3://models/base", "adapter": initial}, evaluation=HUB)
    key = TaskKey(0, "Initialise", "_initialise", 1)
    job = hub_job(whole, run(), key, orders.initialise_task(whole, run(), key), SETTINGS, "uid")
    read = Assignment.model_validate_json(assignment(job))
    assert read.binding.initial_path == "s3://bucket/adapter"
    assert read.binding.data_uri is None


def test_a_job_runs_one_pod_once_and_goes_with_its_training() -> None:
    job = hub_job(spec(), run(), AGGREGATE, AggregateOrder(3, 1), SETTINGS, "uid")
    assert job["spec"]["backoffLimit"] == 0
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"
    (owner,) = job["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"]) == ("FederatedTraining", "tickets", "uid")


def test_its_pod_ends_by_itself_after_twice_the_deadline() -> None:
    whole = spec(rounds={"count": 2, "deadline": "90s"})
    job = hub_job(whole, run(), AGGREGATE, AggregateOrder(3, 1), SETTINGS, "uid")
    assert job["spec"]["template"]["spec"]["activeDeadlineSeconds"] == 180


def test_credentials_come_from_the_trainings_own_secret_and_are_nowhere_else() -> None:
    job = hub_job(spec(), run(), AGGREGATE, AggregateOrder(3, 1), SETTINGS, "uid")
    assert container(job)["envFrom"] == [{"secretRef": {"name": "bucket-keys"}}]
    assert "credentials" not in assignment(job)
    without = spec(storage={"type": "S3", "s3": {"bucket": "runs"}})
    assert "envFrom" not in container(hub_job(without, run(), AGGREGATE, AggregateOrder(3, 1), SETTINGS, "uid"))
