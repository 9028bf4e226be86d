"""A TrainingTask from a decision to start one. Pure."""

import math

from fedtrain.api.base import Block, seconds
from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts.records import Run
from fedtrain.contracts.tasks import Task
from fedtrain.contracts.wire.task import to_wire
from fedtrain.manifests import labels
from fedtrain.manifests.kinds import TASK, Json, Ref
from fedtrain.rounds.snapshot import TaskKey

_LONGEST_SECONDS = 2**31 - 1
"""Largest activeDeadlineSeconds of a pod."""


def training_task(spec: FederatedTrainingSpec, run: Run, key: TaskKey, task: Task, namespace: str) -> Json:
    """The work order for a participant, in the participant's namespace."""
    content: Json = {
        "task": to_wire(task),
        "compute": plain(spec.participant(key.who).compute),
        "storage": plain(spec.storage.without_credentials()),
        "timeout": f"{pod_seconds(spec)}s",
        "desiredState": "Run",
    }
    return {
        "apiVersion": TASK.api_version,
        "kind": TASK.name,
        "metadata": {
            "name": labels.name_of(run, key),
            "namespace": namespace,
            "labels": labels.of_task(run, key),
        },
        "spec": content,
    }


def names_its_task(body: Json, task: Task) -> bool:
    """Whether the labels of a TrainingTask, which the participant's audit log lists, are those of the task in its spec.
    A measurement may be of an earlier round."""
    key, training = labels.key_of(body, task.run_id), labels.training_of(body)
    if key is None or training != Ref(task.namespace, task.name):
        return False
    rounds = task.round <= key.round if key.kind == "Measure" else task.round == key.round
    return rounds and (key.kind, key.attempt) == (task.work.type, task.attempt)


def pod_seconds(spec: FederatedTrainingSpec) -> int:
    """How long a pod may run: twice the round's deadline, after which the round has failed for want of it."""
    return max(1, min(math.ceil(2 * seconds(spec.rounds.deadline)), _LONGEST_SECONDS))


def plain(block: Block) -> Json:
    """A block as the API takes it."""
    return block.model_dump(mode="json", by_alias=True, exclude_none=True)
