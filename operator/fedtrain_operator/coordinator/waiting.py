"""Tasks and hub's Jobs whose pods no node takes, as the training's condition. Pure."""

from collections.abc import Sequence

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain_operator.coordinator.executions import cancelled
from fedtrain_operator.coordinator.jobs import hub_compute
from fedtrain_operator.shared import labels
from fedtrain_operator.shared.conditions import Said, find
from fedtrain_operator.shared.kinds import Json
from fedtrain_operator.shared.scheduling import unschedulable

HUB = "the hub"


def hub_waits(spec: FederatedTrainingSpec, run_id: str, jobs: Sequence[tuple[Json, Sequence[Json]]]) -> list[str]:
    """Of the hub's Jobs, with their pods: `the hub asks for 1 GPU on 1 node, none has 1 free`."""
    keys = ((labels.key_of(job, run_id), pods) for job, pods in jobs)
    found = (unschedulable(HUB, hub_compute(spec, key), pods) for key, pods in keys if key is not None)
    return [said for said in found if said is not None]


def schedulable(tasks: Sequence[Json], hub: Sequence[str] = ()) -> Said:
    """What the participants say of their pods, those of all of them at once; `hub`: what is to be said of its own."""
    stuck = list(hub)
    for task in tasks:
        status = task.get("status", {})
        condition = find(status.get("conditions", ()), "Schedulable")
        waits = status.get("phase") == "Pending" and not cancelled(task)
        if waits and condition is not None and condition["status"] == "False":
            stuck.append(condition["message"])
    if stuck:
        return Said("Schedulable", "False", "Unschedulable", "; ".join(stuck))
    return Said("Schedulable", "True", "Scheduled")
