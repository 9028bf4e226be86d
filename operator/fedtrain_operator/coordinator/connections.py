"""One pass over a Participant: the condition `Connected`, as the hub observes it."""

from fedtrain.manifests.conditions import find, merged
from fedtrain.manifests.kinds import PARTICIPANT, Ref
from fedtrain_operator.coordinator.state import ClusterState
from fedtrain_operator.kube.loops import Next

LATE_SECONDS = 0.1
"""After the time at which a participant counts as silent."""


class Connections:
    """Reconciles the conditions of all Participants."""

    def __init__(self, state: ClusterState) -> None:
        self._state = state

    async def reconcile(self, ref: Ref) -> Next:
        """Raises ApiError."""
        body = self._state.participants.get(ref)
        if body is None:
            return Next(forget=True)
        before = body.get("status", {}).get("conditions", ())
        current = self._state.heartbeats.connected(ref.name)
        known = find(before, "Connected") or {}
        if current is not None and (known.get("status"), known.get("reason")) != (current.status, current.reason):
            generation = body["metadata"].get("generation", 1)
            conditions = merged(before, [current], generation, self._state.clock())
            written = await self._state.cluster.merge_status(PARTICIPANT, ref, {"conditions": conditions})
            if written is not None:
                self._state.participants.put(written)
        if current is not None and current.status == "False":
            return Next()  # the next heartbeat wakes it
        return Next(max(self._state.heartbeats.remaining(ref.name), 0.0) + LATE_SECONDS)
