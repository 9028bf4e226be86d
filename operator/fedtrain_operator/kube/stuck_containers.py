"""Pods whose container was created but never started.

A node that loses power between the two leaves such a pod: under `restartPolicy: Never` the kubelet never starts the
container, and the pod stays Pending and keeps its resources.
"""

from collections.abc import Sequence

from fedtrain.manifests.kinds import Json, Ref

LONGEST_SECONDS = 30.0
"""A container starts moments after it is created, wherever the image comes from."""


class StuckContainers:
    """Since when the pods of an object (a task or a Job) are stuck."""

    def __init__(self) -> None:
        self._since: dict[Ref, dict[str, float]] = {}

    def lost(self, owner: Ref, pods: Sequence[Json], now: float) -> bool:
        """Whether one of `pods`, all of `owner`'s, will never start. `now` in seconds of any one clock."""
        before = self._since.pop(owner, {})
        uids = [pod["metadata"]["uid"] for pod in pods if created_but_not_started(pod)]
        if uids:
            self._since[owner] = {uid: before.get(uid, now) for uid in uids}
        return any(now - since >= LONGEST_SECONDS for since in self._since.get(owner, {}).values())

    def forget(self, owner: Ref) -> None:
        self._since.pop(owner, None)


def created_but_not_started(pod: Json) -> bool:
    """A container that is yet to be created has no id; one that waits for something has a reason."""
    status = pod.get("status", {})
    waits = (one for one in status.get("containerStatuses", ()) if one.get("containerID"))
    return status.get("phase") == "Pending" and any(one.get("state") == {"waiting": {}} for one in waits)
