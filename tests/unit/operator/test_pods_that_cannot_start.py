"""Why pods do not start. The message stays the same from one try of the kubelet to the next."""

from typing import Any

import pytest
from fedtrain_operator.kube.pod_start import not_created, unstartable

IMAGE = "example.org/trainer:nope"
MISSING = f'failed to pull and unpack image "{IMAGE}": failed to resolve reference "{IMAGE}": {IMAGE}: not found'
SECRET = "is wrong, or, if the registry needs a login, to name its Secret in `pods.imagePullSecrets` of bank-b's"
FETCHED = "The pod starts by itself once the image can be fetched"
PODS = "Correct `pods` of bank-a's ParticipantPolicy, or ask the administrator of bank-a's cluster"


def pod(reason: str, message: str = "", image: str = IMAGE) -> dict[str, Any]:
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
    chart = "`images.trainer` in the values of the fedtrain chart in bank-b's cluster"
    check = (
        f"Ask the administrator of bank-b's cluster to correct {chart} if the name or tag {SECRET} ParticipantPolicy"
    )
    words = f"bank-b's pod can't start: its image can't be fetched (not found): {IMAGE}. {check}. {FETCHED}"
    assert unstartable("bank-b", [tried], {}) == unstartable("bank-b", [waits], {}) == words
    unknown = str(unstartable("the hub", [pod("ImagePullBackOff", "Back-off")], {}))
    assert unknown.startswith(
        f"the hub's pod can't start: its image can't be fetched: {IMAGE}. Ask the administrator of the "
        "hub's cluster to correct `images` in the values of the hub's chart if the name or tag is wrong, or, "
    )
    invalid = str(unstartable("bank-b", [pod("InvalidImageName")], {}))
    assert invalid.startswith(f"bank-b's pod can't start: its image can't be fetched (InvalidImageName): {IMAGE}. ")


def test_the_image_of_a_container_of_others_is_not_a_field_of_fedtrain() -> None:
    injected = pod("ErrImagePull", "rpc error: code = Unknown desc = failed to do request: no such host")
    injected["status"]["containerStatuses"][0]["name"] = "istio-proxy"
    found = str(unstartable("bank-b", [injected], {}))
    assert f"(failed to do request: no such host): {IMAGE}. It is the image of container istio-proxy, which" in found
    assert "ask the administrator of bank-b's cluster" in found


def test_a_missing_secret_has_the_kubelets_message() -> None:
    waits = pod("CreateContainerConfigError", 'secret "hf" not found')
    ask = "or ask the administrator of the hub's cluster"
    fix = f"Create it in the pod's namespace, or correct `hubPods` of the hub's chart, {ask}"
    words = f"the hub's pod can't start: secret \"hf\" not found. {fix}. The pod then starts by itself"
    assert unstartable("the hub", [waits], {}) == words


def test_a_missing_volume_is_reported_once_it_has_repeated() -> None:
    waits, missing = pod("ContainerCreating"), 'MountVolume.SetUp failed for volume "rows": configmap "rows" not found'
    once = {"master-0": [event("FailedMount", missing, 1)]}
    often = {"master-0": [event("Scheduled", "Successfully assigned", 9, "Normal"), event("FailedMount", missing, 3)]}
    assert unstartable("bank-a", [waits], once) is None
    assert str(unstartable("bank-a", [waits], often)).startswith(
        f"bank-a's pod can't start: {missing}. Create it in the pod's namespace, or c"
    )


def test_a_pod_that_is_starting_has_no_message() -> None:
    assert unstartable("bank-a", [pod("ContainerCreating"), pod("PodInitializing")], {}) is None


def test_any_repeated_warning_about_a_pod_without_a_container_is_a_reason() -> None:
    often = {"master-0": [event("NetworkNotReady", "the network is not ready", 3)]}
    words = f"bank-a's pod can't start: the network is not ready. {PODS}. The pod then starts by itself"
    assert unstartable("bank-a", [pod("ContainerCreating")], often) == words


@pytest.mark.parametrize(
    ("message", "reason", "fix"),
    [
        (
            'Error creating: pods "worker-0" is forbidden: violates PodSecurity "restricted:latest": seccompProfile',
            'violates PodSecurity "restricted:latest": seccompProfile',
            PODS,
        ),
        (
            'Error creating: pods "small-x7f2k" is forbidden: exceeded quota: small, requested: limits.cpu=4',
            "exceeded quota: small, requested: limits.cpu=4",
            "Ask the administrator of bank-a's cluster to raise the quota, "
            "or lower `compute` of participant bank-a in the FederatedTraining",
        ),
        (
            'Error creating: admission webhook "policy.example.org" denied the request: no GPUs on Sundays',
            'admission webhook "policy.example.org" denied the request: no GPUs on Sundays',
            PODS,
        ),
        (
            'Error creating: pods "worker-0" is forbidden: error looking up service account at-bank-b/trainer: '
            'serviceaccount "trainer" not found',
            'error looking up service account at-bank-b/trainer: serviceaccount "trainer" not found',
            PODS,
        ),
    ],
    ids=["PodSecurity", "ResourceQuota", "webhook", "ServiceAccount"],
)
def test_a_pod_that_the_api_server_refuses_has_its_message_without_the_pods_random_name(
    message: str, reason: str, fix: str
) -> None:
    started = event("SuccessfulCreatePod", "Created pod: small-master-0", 1, "Normal")
    refused = event("FailedCreatePod", message, 1)
    words = f"bank-a's pod can't be created: {reason}. {fix}. It is tried again by itself"
    assert not_created("bank-a", [started, refused]) == words
    assert not_created("bank-a", [started]) is None
