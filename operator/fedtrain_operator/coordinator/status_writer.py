"""Writing a training's status, at most once a pass, and, once that is written, events and log lines."""

import logging
from collections.abc import Iterable

from fedtrain.manifests.conditions import find
from fedtrain.manifests.kinds import EVENT, TRAINING, Json, Ref
from fedtrain_operator.coordinator import events, status
from fedtrain_operator.coordinator.state import ClusterState
from fedtrain_operator.kube.api_error import ApiError
from fedtrain_operator.kube.events import Event, manifest

log = logging.getLogger("fedtrain")


async def write(state: ClusterState, body: Json, after: Json, more: Iterable[Event] = (), *, counted: bool) -> bool:
    """Writes the status if it differs. `more`: events besides the difference of the two statuses. `counted`: whether
    the status counts the failures to resume from; a request to resume is removed only then. False if the training is no
    longer the version `body`, and everything must be read again."""
    before = body.get("status", {})
    metadata = body["metadata"]
    training = Ref(metadata["namespace"], metadata["name"])
    report, written = [*more], body
    if status.worth_writing(before, after):
        written = await state.cluster.write_status(TRAINING, body, after)
        if written is not None:
            state.trainings.put(written)
            metadata = written["metadata"]
            limit = state.memory(training, body).event_limit
            report += events.changes(before, after, limit.allows)
            if after.get("phase") == "Failed" != before.get("phase"):
                state.metrics.failed((find(after["conditions"], "Complete") or {}).get("reason", "Failed"))
    for event in report:
        await publish(state, body, event, after.get("round"))
    if written is None:
        await state.see(training)
        return False
    if counted and status.RESUME in (metadata.get("annotations") or {}):
        version = metadata["resourceVersion"]  # a later request must stay
        change = {"metadata": {"resourceVersion": version, "annotations": {status.RESUME: None}}}
        changed = await state.cluster.patch(TRAINING, training, change)
        if changed is not None:
            state.trainings.put(changed)
    return True


async def publish(state: ClusterState, body: Json, event: Event, round: int | None) -> None:
    """Writes an event to the API and to the log."""
    training = f"{body['metadata']['namespace']}/{body['metadata']['name']}"
    level = logging.WARNING if event.type == "Warning" else logging.INFO
    log.log(level, "%s", event.message, extra={"training": training, "round": round, "reason": event.reason})
    try:
        await state.cluster.create(EVENT, manifest(TRAINING, body, event, state.event_time(), "coordinator"))
    except ApiError as error:  # a lost event must not stop the pass
        log.warning("an event could not be written: %s", error, extra={"training": training})
