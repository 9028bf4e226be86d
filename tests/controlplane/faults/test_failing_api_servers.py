"""An API server that restarts, watches that bring nothing, and objects that are deleted by hand change no digest."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from fedtrain.manifests.labels import TRANSFER_SECRET
from hack.cluster.api import Refused
from hack.cluster.control_plane import ControlPlane
from hack.cluster.eventually import eventually
from hack.cluster.kubeconfig import Credentials
from tests.controlplane.faults.scene import Scene
from tests.controlplane.pods import Pods
from tests.controlplane.training import JOBS, PYTORCHJOBS, TASKS, Digests, attempts
from tests.support.proxy import Proxy

T = TypeVar("T")
OFTEN = {"RESYNC_SECONDS": "2"}
EVERYTHING = ("",)


def ended_as(scene: Scene, expected: Digests) -> None:
    """Waits for the end, looks at the ledger, and deletes the training."""
    assert attempts(scene.succeeded_with(expected)) == []
    scene.delete()


def at_last(read: Callable[[], T]) -> T:
    """What is read, once it is there, from a server that may be away meanwhile."""

    def patiently() -> T | None:
        with suppress(OSError, Refused):
            return read()
        return None

    found = eventually(patiently)
    assert found is not None
    return found


def test_an_api_server_that_restarts_under_two_operators(
    scene: Scene, kinds: ControlPlane, pods: Pods, undisturbed: Digests
) -> None:
    one, other = scene.operator(**OFTEN), scene.operator(**OFTEN)
    one.may_be_refused = other.may_be_refused = True
    pods.held = {"-train-bank-b-"}
    with one, other:
        scene.apply()
        eventually(lambda: scene.status.get("participants") == "1/2")
        kinds.processes.kill("kube-apiserver")
        pods.held = {"-2-train-"}
        kinds.processes.restart("kube-apiserver")
        at_last(lambda: scene.at_banks("v1/pods", "-2-train-"))
        kinds.processes.restart("kube-apiserver")
        pods.held = set()
        at_last(lambda: scene.federation.has_ended(scene.api))
        ended_as(scene, undisturbed)


def test_watches_that_bring_nothing_and_connections_that_break(
    scene: Scene, operator_account: Credentials, pods: Pods, undisturbed: Digests
) -> None:
    with Proxy(operator_account.server, operator_account.authority) as proxy:
        through = replace(operator_account, server=proxy.url).write(scene.folder / "kubeconfig")
        pods.held = {"-1-train-"}
        with replace(scene, kubeconfig=through).operator(**OFTEN):
            scene.apply()
            eventually(lambda: len(scene.at_banks("v1/pods", "-1-train-")) == 2)
            proxy.silent = EVERYTHING
            scene.change(suspend=True)
            eventually(lambda: scene.status.get("phase") == "Suspended")
            eventually(lambda: scene.at_banks("v1/pods") == [])
            proxy.heal()
            scene.change(suspend=False)
            (job,) = eventually(lambda: scene.at_banks(PYTORCHJOBS, "-1-train-bank-a-"))
            eventually(lambda: len(scene.at_banks("v1/pods", "-1-train-")) == 2)
            proxy.silent = EVERYTHING
            scene.api.delete(PYTORCHJOBS, job["metadata"]["name"], "at-bank-a")
            pods.held = set()
            eventually(lambda: scene.status.get("round") == 2)
            proxy.heal()
            ended_as(scene, undisturbed)


def test_objects_that_are_deleted_by_hand_are_recreated(scene: Scene, pods: Pods, undisturbed: Digests) -> None:
    api, hub = scene.api, scene.federation.namespace
    pods.held = {"-1-train-"}
    with scene.operator(**OFTEN):
        scene.apply()
        eventually(lambda: len(scene.at_banks("v1/pods", "-1-train-")) == 2)
        for who in scene.federation.who:
            api.delete("v1/secrets", TRANSFER_SECRET, f"at-{who}")
        for resource, who in ((TASKS, "bank-a"), (PYTORCHJOBS, "bank-b")):
            (body,) = scene.at_banks(resource, f"-1-train-{who}-")
            api.delete(resource, body["metadata"]["name"], f"at-{who}")
        pods.held = {"-2-train-", "-1-aggregate-"}
        (job,) = eventually(lambda: api.list(JOBS, hub, "fedtrain.dev/hub-job=aggregate-1"))
        api.delete(JOBS, job["metadata"]["name"], hub)
        pods.held = {"-2-train-"}
        for pod in eventually(lambda: scene.at_banks("v1/pods", "-2-train-")):
            api.delete("v1/pods", pod["metadata"]["name"], pod["metadata"]["namespace"])
        pods.held = set()
        ended_as(scene, undisturbed)
