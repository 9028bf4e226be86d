"""Tasks and hub's Jobs whose pods wait, as the training's conditions."""

from collections.abc import Sequence

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.manifests import labels
from fedtrain.manifests.conditions import Condition, find
from fedtrain.manifests.hub_job import hub_compute
from fedtrain.manifests.kinds import Json, Ref, ref
from fedtrain_operator.coordinator.executions import cancelled
from fedtrain_operator.kube.client import Cluster
from fedtrain_operator.kube.pod_start import SCHEDULED, STARTED, why_they_wait

HUB = "the hub"


async def hub_waits(
    cluster: Cluster, spec: FederatedTrainingSpec, run_id: str, jobs: Sequence[tuple[Json, Sequence[Json]]]
) -> dict[Ref, Condition]:
    """Of the hub's Jobs, here with their pods, why they wait: `the hub asks for 1 GPU on 1 node, none has 1 free`."""
    found: dict[Ref, Condition] = {}
    for job, pods in jobs:
        key = labels.key_of(job, run_id)
        if key is not None and (said := await why_they_wait(cluster, HUB, hub_compute(spec, key), pods)):
            found[ref(job)] = said
    return found


def waits(tasks: Sequence[Json], hub: Sequence[Condition] = ()) -> list[Condition]:
    """What the participants say of their pods, those of all of them at once; `hub`: what is to be said of its own.
    Pure."""
    return [_all_of(holds, tasks, hub) for holds in (SCHEDULED, STARTED)]


def _all_of(holds: Condition, tasks: Sequence[Json], hub: Sequence[Condition]) -> Condition:
    stuck = [one for one in hub if one.type == holds.type]
    for task in tasks:
        status = task.get("status", {})
        condition = find(status.get("conditions", ()), holds.type)
        waiting = status.get("phase") == "Pending" and not cancelled(task)
        if waiting and condition is not None and condition["status"] == "False":
            stuck.append(Condition(holds.type, "False", condition["reason"], condition["message"]))
    if stuck:
        return Condition(holds.type, "False", stuck[0].reason, "; ".join(one.message for one in stuck))
    return holds
