"""Pods that a node's end has caught between making a container and starting it are made anew."""

from typing import Any

import pytest
from fedtrain_operator.kube.stuck_containers import LONGEST_SECONDS, StuckContainers, made_and_not_started

from fedtrain.manifests.kinds import Json, Ref

OWNER = Ref("at-bank-b", "small-2-train-bank-b-1")


def pod(uid: str = "1", phase: str = "Pending", **container: Any) -> Json:
    """As a kubelet wrote it after its node had lost its power, unless `container` says otherwise."""
    made = {"name": "pytorch", "containerID": "containerd://0f6a", "state": {"waiting": {}}, "started": False}
    return {"metadata": {"uid": uid}, "status": {"phase": phase, "containerStatuses": [made | container]}}


def test_a_container_that_was_made_and_not_started_is_told_from_all_others() -> None:
    assert made_and_not_started(pod())
    assert not made_and_not_started(pod(phase="Running", state={"running": {"startedAt": "2025-01-01T00:00:00Z"}}))
    assert not made_and_not_started({"metadata": {"uid": "1"}, "status": {"phase": "Pending"}})


@pytest.mark.parametrize("reason", ["ContainerCreating", "ImagePullBackOff", "CreateContainerConfigError"])
def test_a_container_that_is_waited_for_is_left_alone(reason: str) -> None:
    assert not made_and_not_started(pod(containerID="", state={"waiting": {"reason": reason}}))
    assert not made_and_not_started(pod(state={"waiting": {"reason": reason}}))


def test_a_pod_is_lost_once_it_has_been_so_for_long() -> None:
    limbo = StuckContainers()
    assert not limbo.lost(OWNER, [pod()], 100.0)
    assert not limbo.lost(OWNER, [pod()], 99.0 + LONGEST_SECONDS)
    assert limbo.lost(OWNER, [pod()], 100.0 + LONGEST_SECONDS)


def test_a_pod_that_went_on_or_was_made_anew_starts_from_nothing() -> None:
    limbo = StuckContainers()
    assert not limbo.lost(OWNER, [pod("1")], 0.0)
    assert not limbo.lost(OWNER, [pod("2")], LONGEST_SECONDS)
    assert not limbo.lost(OWNER, [], 2 * LONGEST_SECONDS)
    assert not limbo.lost(OWNER, [pod("2")], 2 * LONGEST_SECONDS + 1)
