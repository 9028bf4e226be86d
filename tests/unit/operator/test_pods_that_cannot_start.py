"""Why pods do not start. The message stays the same from one try of the kubelet to the next."""

from typing import Any

import pytest
from fedtrain_operator.kube.pod_start import not_created, unstartable

MISSING = 'failed to resolve reference "example.org/trainer:nope": example.org/trainer:nope: not found'


def pod(reason: str, message: str = "", image: str = "example.org/trainer:nope") -> dict[str, Any]:
    waiting = {"reason": reason, "message": message}
    container = {"name": "pytorch", "image": image, "state": {"waiting": waiting}}
    return {"metadata": {"name": "master-0"}, "status": {"phase": "Pending", "containerStatuses": [container]}}


def event(reason: str, message: str, count: int, type: str = "Warning") -> dict[str, Any]:
    return {"type": type, "reason": reason, "message": message, "count": count}


def test_a_missing_image_has_the_same_message_during_and_between_tries() -> None:
    tried = pod("ErrImagePull", f"rpc error: code = NotFound desc = {MISSING}")
    waits = pod(
        "ImagePullBackOff", f'Back-off pulling image "x": ErrImagePull: rpc error: code = NotFound desc = {MISSING}'
    )
    words = f"bank-b's pod can't start: the image example.org/trainer:nope can't be fetched: {MISSING}"
    assert unstartable("bank-b", [tried], {}) == unstartable("bank-b", [waits], {}) == words
    assert str(unstartable("bank-b", [pod("ImagePullBackOff", "Back-off")], {})).endswith("can't be fetched")


def test_a_missing_secret_has_the_kubelets_message() -> None:
    waits = pod("CreateContainerConfigError", 'secret "hf" not found')
    assert unstartable("the hub", [waits], {}) == "the hub's pod can't start: secret \"hf\" not found"


def test_a_missing_volume_is_reported_once_it_has_repeated() -> None:
    waits, missing = pod("ContainerCreating"), 'MountVolume.SetUp failed for volume "rows": configmap "rows" not found'
    once = {"master-0": [event("FailedMount", missing, 1)]}
    often = {"master-0": [event("Scheduled", "Successfully assigned", 9, "Normal"), event("FailedMount", missing, 3)]}
    assert unstartable("bank-a", [waits], once) is None
    assert unstartable("bank-a", [waits], often) == f"bank-a's pod can't start: {missing}"


def test_a_pod_that_is_starting_has_no_message() -> None:
    assert unstartable("bank-a", [pod("ContainerCreating"), pod("PodInitializing")], {}) is None


def test_any_repeated_warning_about_a_pod_without_a_container_is_a_reason() -> None:
    often = {"master-0": [event("NetworkNotReady", "the network is not ready", 3)]}
    words = "bank-a's pod can't start: the network is not ready"
    assert unstartable("bank-a", [pod("ContainerCreating")], often) == words


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (
            'Error creating: pods "worker-0" is forbidden: violates PodSecurity "restricted:latest": seccompProfile',
            'violates PodSecurity "restricted:latest": seccompProfile',
        ),
        (
            'Error creating: pods "small-x7f2k" is forbidden: exceeded quota: small, requested: limits.cpu=4',
            "exceeded quota: small, requested: limits.cpu=4",
        ),
        (
            'Error creating: admission webhook "policy.example.org" denied the request: no GPUs on Sundays',
            'admission webhook "policy.example.org" denied the request: no GPUs on Sundays',
        ),
    ],
    ids=["PodSecurity", "ResourceQuota", "webhook"],
)
def test_a_pod_that_the_api_server_refuses_has_its_message_without_the_pods_random_name(
    message: str, reason: str
) -> None:
    started = event("SuccessfulCreatePod", "Created pod: small-master-0", 1, "Normal")
    refused = event("FailedCreatePod", message, 1)
    assert not_created("bank-b", [started, refused]) == f"bank-b's pod can't be created: {reason}"
    assert not_created("bank-b", [started]) is None
