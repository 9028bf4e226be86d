"""Pods whose node was lost between creating and starting a container are detected."""

from typing import Any

import pytest
from fedtrain_operator.kube.stuck_containers import LONGEST_SECONDS, StuckContainers, created_but_not_started

from fedtrain.manifests.kinds import Json, Ref

OWNER = Ref("at-bank-b", "small-2-train-bank-b-1")


def pod(uid: str = "1", phase: str = "Pending", **container: Any) -> Json:
    """As a kubelet reports it after its node lost power, but for `container`."""
    made = {"name": "pytorch", "containerID": "containerd://0f6a", "state": {"waiting": {}}, "started": False}
    return {"metadata": {"uid": uid}, "status": {"phase": phase, "containerStatuses": [made | container]}}


def test_only_a_container_that_was_created_but_not_started_is_stuck() -> None:
    assert created_but_not_started(pod())
    assert not created_but_not_started(pod(phase="Running", state={"running": {"startedAt": "2025-01-01T00:00:00Z"}}))
    assert not created_but_not_started({"metadata": {"uid": "1"}, "status": {"phase": "Pending"}})


@pytest.mark.parametrize("reason", ["ContainerCreating", "ImagePullBackOff", "CreateContainerConfigError"])
def test_a_container_that_waits_for_something_is_not_stuck(reason: str) -> None:
    assert not created_but_not_started(pod(containerID="", state={"waiting": {"reason": reason}}))
    assert not created_but_not_started(pod(state={"waiting": {"reason": reason}}))


def test_a_pod_is_lost_after_being_stuck_for_a_while() -> None:
    stuck = StuckContainers()
    assert not stuck.lost(OWNER, [pod()], 100.0)
    assert not stuck.lost(OWNER, [pod()], 99.0 + LONGEST_SECONDS)
    assert stuck.lost(OWNER, [pod()], 100.0 + LONGEST_SECONDS)


def test_the_time_restarts_for_a_pod_that_started_or_was_recreated() -> None:
    stuck = StuckContainers()
    assert not stuck.lost(OWNER, [pod("1")], 0.0)
    assert not stuck.lost(OWNER, [pod("2")], LONGEST_SECONDS)
    assert not stuck.lost(OWNER, [], 2 * LONGEST_SECONDS)
    assert not stuck.lost(OWNER, [pod("2")], 2 * LONGEST_SECONDS + 1)
