"""An API server that restarts, watches that bring nothing, and objects that are deleted by hand change no digest."""

import re
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from http.client import HTTPException
from typing import TypeVar

import pytest

from tests.clusters.api import Json, Refused
from tests.clusters.control_plane import ControlPlane
from tests.clusters.eventually import eventually
from tests.clusters.kubeconfig import Credentials
from tests.clusters.processes import LOOPBACK, free_port
from tests.controlplane.faults.scene import Scene
from tests.controlplane.pods import Pods
from tests.controlplane.training import TASKS, Digests, attempts
from tests.support.proxy import Proxy

pytestmark = pytest.mark.slow
T = TypeVar("T")
LONG = 120
JOBS, PYTORCHJOBS = "batch/v1/jobs", "kubeflow.org/v1/pytorchjobs"
OFTEN = {"RESYNC_SECONDS": "2"}
EVERYTHING = ("",)


def ended_as(scene: Scene, expected: Digests) -> None:
    """Waits for the end, looks at the ledger, and deletes the training."""
    assert attempts(scene.succeeded_with(expected)) == []
    scene.delete()


def at_last(read: Callable[[], T]) -> T:
    """What is read, once it is there, from a server that may be away meanwhile."""

    def patiently() -> T | None:
        with suppress(OSError, HTTPException, Refused):
            return read()
        return None

    found = eventually(patiently, LONG)
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
        eventually(lambda: scene.status.get("participants") == "1/2", LONG)
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
            eventually(lambda: len(scene.at_banks("v1/pods", "-1-train-")) == 2, LONG)
            proxy.silent = EVERYTHING
            scene.change(suspend=True)
            eventually(lambda: scene.status.get("phase") == "Suspended", LONG)
            eventually(lambda: scene.at_banks("v1/pods") == [], LONG)
            hear_again(proxy)
            scene.change(suspend=False)
            (job,) = eventually(lambda: scene.at_banks(PYTORCHJOBS, "-1-train-bank-a-"), LONG)
            eventually(lambda: len(scene.at_banks("v1/pods", "-1-train-")) == 2, LONG)
            proxy.silent = EVERYTHING
            scene.api.delete(PYTORCHJOBS, job["metadata"]["name"], "at-bank-a")
            pods.held = set()
            eventually(lambda: scene.status.get("round") == 2, LONG)
            hear_again(proxy)
            ended_as(scene, undisturbed)


@pytest.mark.parametrize(
    "unheard", [("/trainingtasks",), ("/trainingtasks", "/jobs"), ("/federatedtrainings",)], ids=" ".join
)
def test_what_one_operator_has_started_is_not_stopped_by_another_that_lags_behind(
    scene: Scene, operator_account: Credentials, pods: Pods, undisturbed: Digests, unheard: tuple[str, ...]
) -> None:
    resumed = "/federatedtrainings" in unheard

    def aggregator() -> Json | None:
        return next(iter(scene.api.list(JOBS, scene.federation.namespace, "fedtrain.dev/hub-job=aggregate-1")), None)

    with Proxy(operator_account.server, operator_account.authority) as proxy:
        through = replace(operator_account, server=proxy.url).write(scene.folder / "kubeconfig")
        port = free_port()
        late = replace(scene, kubeconfig=through).operator(METRICS_PORT=str(port))
        pods.held = {"-train-bank-b-", "-aggregate-"}
        with late:
            scene.apply()
            eventually(lambda: scene.status.get("participants") == "1/2", LONG)
            if resumed:
                scene.change(suspend=True)
                eventually(lambda: scene.status.get("phase") == "Suspended", LONG)
            proxy.silent, before = unheard, passes(port)
            late.freeze()
            with scene.operator():
                if resumed:
                    scene.change(suspend=False)
                pods.held = {"-aggregate-"}
                made = eventually(aggregator, LONG)
                late.thaw()
                eventually(lambda: passes(port) > before, LONG)
                hear_again(proxy)
                pods.held = {"-2-train-"}
                eventually(lambda: scene.status.get("round") == 2, LONG)
                there = aggregator()
                assert there is not None
                assert there["metadata"]["uid"] == made["metadata"]["uid"]
                told = [one["reason"] for one in scene.api.list("v1/events", scene.federation.namespace)]
                assert told.count("Training") <= 4, "they deny each other's words"
                pods.held = set()
                ended_as(scene, undisturbed)


def passes(port: int) -> float:
    """How many passes over trainings an operator has made."""
    with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/metrics", timeout=10) as answer:
        (count,) = re.findall(r'latency_seconds_count{object="training"} (\S+)', answer.read().decode())
    return float(count)


def hear_again(proxy: Proxy) -> None:
    """Connections break, and whoever watches connects again."""
    proxy.silent = ()
    proxy.fault = "cut"
    proxy.cut()
    proxy.fault = ""


def test_what_is_deleted_by_hand_is_made_anew(scene: Scene, pods: Pods, undisturbed: Digests) -> None:
    api, hub = scene.api, scene.federation.namespace
    pods.held = {"-1-train-"}
    with scene.operator(**OFTEN):
        scene.apply()
        eventually(lambda: len(scene.at_banks("v1/pods", "-1-train-")) == 2, LONG)
        for secret in scene.at_banks("v1/secrets"):
            api.delete("v1/secrets", secret["metadata"]["name"], secret["metadata"]["namespace"])
        for resource, who in ((TASKS, "bank-a"), (PYTORCHJOBS, "bank-b")):
            (body,) = scene.at_banks(resource, f"-1-train-{who}-")
            api.delete(resource, body["metadata"]["name"], f"at-{who}")
        pods.held = {"-2-train-", "-1-aggregate-"}
        (job,) = eventually(lambda: api.list(JOBS, hub, "fedtrain.dev/hub-job=aggregate-1"), LONG)
        api.delete(JOBS, job["metadata"]["name"], hub)
        pods.held = {"-2-train-"}
        for pod in eventually(lambda: scene.at_banks("v1/pods", "-2-train-"), LONG):
            api.delete("v1/pods", pod["metadata"]["name"], pod["metadata"]["namespace"])
        pods.held = set()
        ended_as(scene, undisturbed)
