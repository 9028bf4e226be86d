"""Tasks and Jobs that the coordinator has made for a run. Others may create objects with the same labels in their
namespaces, so the name and the namespace must agree with the labels. Pure."""

from collections.abc import Mapping

from fedtrain.contracts.records import Run
from fedtrain.manifests import labels
from fedtrain.manifests.kinds import Json, Ref
from fedtrain.rounds.snapshot import TaskKey


def training_of_job(job: Json) -> Ref | None:
    """The training that a Job of the hub belongs to: one in the same namespace."""
    training = labels.training_of(job)
    return training if training is not None and training.namespace == job["metadata"]["namespace"] else None


def is_own_job(job: Json, run: Run) -> bool:
    key = labels.key_of(job, run.run_id)
    return key is not None and is_hub(key) and job["metadata"]["name"] == labels.name_of(run, key)


def is_own_task(task: Json, run: Run, records: Mapping[str, Json]) -> bool:
    """`records`: the Participants that exist, by name. The namespace of another one is not known: it may be one that
    could not be read, whose task still runs."""
    key, metadata = labels.key_of(task, run.run_id), task["metadata"]
    if key is None or is_hub(key) or metadata["name"] != labels.name_of(run, key):
        return False
    record = records.get(key.who)
    return record is None or record["spec"]["namespace"] == metadata["namespace"]


def is_hub(key: TaskKey) -> bool:
    """Whether the work is one of the hub's own jobs."""
    return key.who.startswith("_")
