"""Events that the coordinator follows: they feed the caches and wake the loops."""

from fedtrain.manifests.conditions import holds
from fedtrain.manifests.kinds import JOB, PARTICIPANT, TASK, TRAINING, Json, Ref, ref
from fedtrain_operator.coordinator.state import ClusterState
from fedtrain_operator.kube.cache import Cache, is_new, take
from fedtrain_operator.kube.loops import Loops


def register(state: ClusterState, loops: Loops, connections: Loops) -> None:
    """`connections`: those of Participants."""
    relevant: dict[str, object] = {}  # when the newest event came; an answer may have brought newer Participants since

    def on_training(event: Json) -> None:
        changed = is_new(state.trainings, event)  # and not the status that a pass has just written
        training = take(state.trainings, event)
        if changed:
            loops.wake(training)

    def on_child(cache: Cache, event: Json) -> None:
        known = cache.get(ref(event["object"]))
        trainings = {cache.owner(one) for one in (known, event["object"]) if one is not None}  # its labels may change
        if known is None and trainings == {None}:
            return
        changed = event["type"] is not None or is_new(cache, event)  # most of a list is known
        take(cache, event)
        for training in trainings:
            if changed and training is not None and state.trainings.get(training) is not None:
                loops.wake(training)

    def on_task(event: Json) -> None:
        on_child(state.tasks, event)

    def on_job(event: Json) -> None:
        on_child(state.jobs, event)

    def on_participant(event: Json) -> None:
        name = event["object"]["metadata"]["name"]
        is_known, before = name in relevant, relevant.pop(name, None)
        take(state.participants, event)
        if (participant := state.participants.get(Ref("", name))) is not None:
            relevant[name] = _relevant(participant)
        if event["type"] == "DELETED":
            state.heartbeats.forget(name)
        else:
            state.heartbeats.note(name, event["object"].get("status", {}))
        if relevant.get(name) != before:
            for training in _trainings_with(state, name):
                loops.wake(training)
        if not is_known or event["type"] == "DELETED" or not _is_connected(event["object"]):
            connections.wake(Ref("", name))

    state.streams.follow(TRAINING, state.trainings, on_training)
    state.streams.follow(TASK, state.tasks, on_task)
    state.streams.follow(JOB, state.jobs, on_job)
    state.streams.follow(PARTICIPANT, state.participants, on_participant)


def _is_connected(participant: Json) -> bool:
    """A pass is then due only when the next heartbeat is missing."""
    return holds(participant.get("status", {}).get("conditions", ()), "Connected")


def _relevant(participant: Json) -> object:
    """The part of a Participant that trainings depend on: all but its heartbeat, and whether that is missing."""
    return participant["spec"], participant.get("status", {}).get("datasets"), _is_connected(participant)


def _trainings_with(state: ClusterState, who: str) -> list[Ref]:
    """The trainings that list a participant."""
    return [ref(one) for one in state.trainings.all() if any(p["name"] == who for p in one["spec"]["participants"])]
