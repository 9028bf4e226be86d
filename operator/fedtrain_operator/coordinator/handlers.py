"""The watches of the coordinator: they feed the caches and wake the loops, nothing else."""

from typing import Any

import kopf

from fedtrain.manifests import labels
from fedtrain.manifests.kinds import JOB, PARTICIPANT, TASK, TRAINING, Json, Ref
from fedtrain_operator.coordinator.state import ClusterState
from fedtrain_operator.kube.cache import Cache
from fedtrain_operator.kube.loops import Loops
from fedtrain_operator.kube.watching import news, take, watch


def register(registry: kopf.OperatorRegistry, world: ClusterState, loops: Loops) -> None:
    def on_training(event: Any) -> None:
        told = news(world.trainings, event)  # and not the status that a pass has just written
        training = take(world.trainings, event)
        if told:
            loops.wake(training)

    def on_child(cache: Cache, event: Any) -> None:
        training = labels.training_of(event["object"])
        if training is not None:
            told = event["type"] is not None or news(cache, event)  # most of a list is known
            take(cache, event)
            if told and world.trainings.get(training) is not None:
                loops.wake(training)

    def on_task(event: Any) -> None:
        on_child(world.tasks, event)

    def on_job(event: Any) -> None:
        on_child(world.jobs, event)

    def on_participant(event: Any) -> None:
        name = event["object"]["metadata"]["name"]
        before = _matters(world.participants.get(Ref("", name)))
        take(world.participants, event)
        if event["type"] == "DELETED":
            world.heard.forget(name)
        else:
            world.heard.note(name, event["object"].get("status", {}).get("lastSeen"))
        if _matters(world.participants.get(Ref("", name))) != before:
            loops.wake_all()

    watch(registry, TRAINING, on_training)
    world.streams.follow(TASK, world.tasks, on_task)
    world.streams.follow(JOB, world.jobs, on_job)
    watch(registry, PARTICIPANT, on_participant)


def _matters(participant: Json | None) -> object:
    """Of a Participant, what trainings depend on; not its heartbeat."""
    return None if participant is None else (participant["spec"], participant.get("status", {}).get("datasets"))
