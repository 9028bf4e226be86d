"""Telling of a training: its status, at most once a pass, and then, once that is written, events and logs."""

import logging
from collections.abc import Callable, Iterable

from fedtrain.manifests.conditions import find
from fedtrain.manifests.kinds import EVENT, TRAINING, Json, Ref
from fedtrain_operator.coordinator import events, status
from fedtrain_operator.coordinator.events import Told
from fedtrain_operator.coordinator.state import ClusterState
from fedtrain_operator.kube.client import ApiError

log = logging.getLogger("fedtrain")


async def tell(world: ClusterState, body: Json, after: Json, more: Iterable[Told], clock: Callable[[], float]) -> bool:
    """Writes the status if it says something new, and takes back what was asked once. `more`: what is told beside the
    difference of the two statuses. False if the training is not what `body` says, and all is to be looked at anew."""
    before = body.get("status", {})
    metadata = body["metadata"]
    training = Ref(metadata["namespace"], metadata["name"])
    story, told = [*more], body
    if status.worth_writing(before, after):
        told = await world.cluster.write_status(TRAINING, body, after)
        if told is not None:
            world.trainings.put(told)
            metadata = told["metadata"]
            story += events.story(before, after)
            if after.get("phase") == "Failed" != before.get("phase"):
                world.measures.failed((find(after["conditions"], "Complete") or {}).get("reason", "Failed"))
    for one in story:
        await relate(world, body, one, after.get("round"), clock())
    if told is None:
        await world.see(training)
        return False
    if status.RESUME in (metadata.get("annotations") or {}) and "acknowledged" in after:
        version = metadata["resourceVersion"]  # a later wish must stay
        change = {"metadata": {"resourceVersion": version, "annotations": {status.RESUME: None}}}
        changed = await world.cluster.patch(TRAINING, training, change)
        if changed is not None:
            world.trainings.put(changed)
    return True


async def relate(world: ClusterState, body: Json, one: Told, round: int | None, now: float) -> None:
    """A piece of the story, as an event and in the log."""
    training = f"{body['metadata']['namespace']}/{body['metadata']['name']}"
    level = logging.WARNING if one.type == "Warning" else logging.INFO
    log.log(level, "%s", one.message, extra={"training": training, "round": round, "reason": one.reason})
    try:
        await world.cluster.create(EVENT, events.event(body, one, now))
    except ApiError as error:  # a story that can't be told stops nothing
        log.warning("an event can't be written: %s", error, extra={"training": training})
