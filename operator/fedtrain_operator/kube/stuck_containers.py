"""Pods whose container was made and never started.

A node that loses its power between the two leaves them so: under `restartPolicy: Never` the kubelet starts such a
container no more, and the pod stays Pending, with what it asks for, for good.
"""

from collections.abc import Sequence

from fedtrain.manifests.kinds import Json, Ref

LONGEST_SECONDS = 30.0
"""From made to started takes moments, wherever the image comes from."""


class StuckContainers:
    """Since when the pods of an object, a task or a Job, are in limbo."""

    def __init__(self) -> None:
        self._since: dict[Ref, dict[str, float]] = {}

    def lost(self, owner: Ref, pods: Sequence[Json], now: float) -> bool:
        """Whether one of `pods`, all of `owner`'s, will start no more. `now` in seconds of any one clock."""
        before = self._since.pop(owner, {})
        uids = [pod["metadata"]["uid"] for pod in pods if made_and_not_started(pod)]
        if uids:
            self._since[owner] = {uid: before.get(uid, now) for uid in uids}
        return any(now - since >= LONGEST_SECONDS for since in self._since.get(owner, {}).values())

    def forget(self, owner: Ref) -> None:
        self._since.pop(owner, None)


def made_and_not_started(pod: Json) -> bool:
    """A container that is still to be made has no id; one that is waited for has a reason."""
    status = pod.get("status", {})
    waits = (one for one in status.get("containerStatuses", ()) if one.get("containerID"))
    return status.get("phase") == "Pending" and any(one.get("state") == {"waiting": {}} for one in waits)
