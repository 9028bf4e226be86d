"""Tasks and hub Jobs whose pods wait, as the training's conditions `Schedulable` and `Startable`."""

from collections.abc import Sequence

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.manifests import labels
from fedtrain.manifests.conditions import Condition, find
from fedtrain.manifests.hub_job import hub_compute
from fedtrain.manifests.kinds import JOB, Json, Ref, ref
from fedtrain.manifests.timestamps import seconds_of
from fedtrain.plain_text import plain_text
from fedtrain_operator.coordinator.executions import cancelled
from fedtrain_operator.coordinator.refusals import HUB
from fedtrain_operator.kube.client import Cluster
from fedtrain_operator.kube.late_pods import LONGEST_START_SECONDS
from fedtrain_operator.kube.pod_start import SCHEDULED, STARTED, why_pods_wait


async def why_hub_waits(
    cluster: Cluster, spec: FederatedTrainingSpec, run_id: str, jobs: Sequence[tuple[Json, Sequence[Json]]], now: float
) -> dict[Ref, Condition]:
    """Why pods of the hub's Jobs (given with their pods) wait. `now`: seconds since 1970. Raises ApiError."""
    found: dict[Ref, Condition] = {}
    for job, pods in jobs:
        key = labels.key_of(job, run_id)
        if key is None:
            continue
        compute, late = hub_compute(spec, key), now - _created(job, now) >= LONGEST_START_SECONDS
        if why := await why_pods_wait(cluster, HUB, compute, JOB, job, pods, late):
            found[ref(job)] = why
    return found


def _created(job: Json, now: float) -> float:
    """When the Job was created, by the API server's clock."""
    written = job["metadata"].get("creationTimestamp")
    return seconds_of(written) if written else now


def pod_conditions(tasks: Sequence[Json], hub: Sequence[Condition] = ()) -> list[Condition]:
    """The conditions of all participants' pods together; `hub`: those of its own pods that are False. Pure."""
    return [_joined(normal, tasks, hub) for normal in (SCHEDULED, STARTED)]


def _joined(normal: Condition, tasks: Sequence[Json], hub: Sequence[Condition]) -> Condition:
    waiting = [one for one in hub if one.type == normal.type]
    for task in tasks:
        status = task.get("status", {})
        condition = find(status.get("conditions", ()), normal.type)
        if status.get("phase") == "Pending" and not cancelled(task) and condition and condition["status"] == "False":
            waiting.append(Condition(normal.type, "False", condition["reason"], plain_text(condition["message"])))
    if waiting:
        return Condition(normal.type, "False", waiting[0].reason, "; ".join(one.message for one in waiting))
    return normal
