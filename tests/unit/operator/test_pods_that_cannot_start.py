"""Why a pod that has its node does not start there, in words that stay the same from try to try."""

from typing import Any

from fedtrain_operator.kube.pod_start import unstartable

MISSING = 'failed to resolve reference "example.org/trainer:nope": example.org/trainer:nope: not found'


def pod(reason: str, message: str = "", image: str = "example.org/trainer:nope") -> dict[str, Any]:
    waiting = {"reason": reason, "message": message}
    container = {"name": "pytorch", "image": image, "state": {"waiting": waiting}}
    return {"metadata": {"name": "master-0"}, "status": {"phase": "Pending", "containerStatuses": [container]}}


def event(reason: str, message: str, count: int) -> dict[str, Any]:
    return {"reason": reason, "message": message, "count": count}


def test_an_image_that_nobody_has_is_named_in_the_same_words_between_the_tries() -> None:
    tried = pod("ErrImagePull", f"rpc error: code = NotFound desc = {MISSING}")
    waits = pod(
        "ImagePullBackOff", f'Back-off pulling image "x": ErrImagePull: rpc error: code = NotFound desc = {MISSING}'
    )
    words = f"bank-b's pod can't start: the image example.org/trainer:nope can't be fetched: {MISSING}"
    assert unstartable("bank-b", [tried], {}) == unstartable("bank-b", [waits], {}) == words
    assert str(unstartable("bank-b", [pod("ImagePullBackOff", "Back-off")], {})).endswith("can't be fetched")


def test_a_missing_secret_is_what_the_kubelet_says() -> None:
    waits = pod("CreateContainerConfigError", 'secret "hf" not found')
    assert unstartable("the hub", [waits], {}) == "the hub's pod can't start: secret \"hf\" not found"


def test_a_missing_volume_is_told_once_it_is_no_matter_of_moments() -> None:
    waits, missing = pod("ContainerCreating"), 'MountVolume.SetUp failed for volume "rows": configmap "rows" not found'
    once = {"master-0": [event("FailedMount", missing, 1)]}
    often = {"master-0": [event("Scheduled", "Successfully assigned", 9), event("FailedMount", missing, 3)]}
    assert unstartable("bank-a", [waits], once) is None
    assert unstartable("bank-a", [waits], often) == f"bank-a's pod can't start: {missing}"


def test_of_a_pod_that_starts_nothing_is_said() -> None:
    assert unstartable("bank-a", [pod("ContainerCreating"), pod("PodInitializing")], {}) is None
