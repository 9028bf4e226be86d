"""An API server that restarts, watches that bring nothing, and objects that are deleted by hand change no digest."""

from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import TypeVar

import pytest

from fedtrain.ledger.verify import verify
from tests.clusters.api import Api, Json, Refused
from tests.clusters.control_plane import ControlPlane
from tests.clusters.eventually import eventually
from tests.clusters.kubeconfig import Credentials
from tests.clusters.minio import Minio
from tests.controlplane.faults.operators import SupervisedOperator
from tests.controlplane.pods import Pods
from tests.controlplane.training import TASKS, TRAININGS, Digests, Federation, digests
from tests.support.proxy import Proxy

pytestmark = pytest.mark.slow
T = TypeVar("T")
LONG = 120
JOBS, PYTORCHJOBS = "batch/v1/jobs", "kubeflow.org/v1/pytorchjobs"
OFTEN = {"RESYNC_SECONDS": "2"}


def ended_as(federation: Federation, api: Api, minio: Minio, expected: Digests) -> None:
    """Waits for the end, looks at the ledger, and deletes the training."""
    at_last(lambda: federation.status(api).get("phase") in ("Succeeded", "Failed"))
    ledger = federation.ledger(minio)
    assert digests(ledger) == expected
    assert verify(ledger).sound
    assert not [name for name in ledger.names("rounds/") if "/attempts/" in name]
    federation.delete(api)


def made(federation: Federation, api: Api, resource: str, text: str) -> list[Json]:
    return [body for body in federation.at_banks(api, resource) if text in body["metadata"]["name"]]


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
    kinds: ControlPlane,
    zygote: str,
    pods: Pods,
    federation: Federation,
    api: Api,
    minio: Minio,
    undisturbed: Digests,
    tmp_path: Path,
) -> None:
    one = SupervisedOperator(zygote, kinds.kubeconfig, tmp_path, **OFTEN)
    other = SupervisedOperator(zygote, kinds.kubeconfig, tmp_path, **OFTEN)
    pods.held = {"-train-bank-b-"}
    with one, other:
        federation.apply(api, minio)
        eventually(lambda: federation.status(api).get("participants") == "1/2", LONG)
        kinds.processes.kill("kube-apiserver")
        pods.held = {"-2-train-"}
        kinds.processes.restart("kube-apiserver")
        at_last(lambda: made(federation, api, "v1/pods", "-2-train-"))
        kinds.processes.restart("kube-apiserver")
        pods.held = set()
        ended_as(federation, api, minio, undisturbed)


def test_watches_that_bring_nothing_and_connections_that_break(
    kinds: ControlPlane,
    zygote: str,
    pods: Pods,
    federation: Federation,
    api: Api,
    minio: Minio,
    undisturbed: Digests,
    tmp_path: Path,
) -> None:
    admin = kinds.admin
    with Proxy(admin.server, admin.authority) as proxy:
        through = Credentials(proxy.url, admin.authority, admin.token).write(tmp_path / "kubeconfig")
        pods.held = {"-1-train-"}
        with SupervisedOperator(zygote, through, tmp_path, **OFTEN):
            federation.apply(api, minio)
            eventually(lambda: len(made(federation, api, "v1/pods", "-1-train-")) == 2, LONG)
            proxy.silent = True
            api.patch(TRAININGS, federation.name, {"spec": {"suspend": True}}, federation.namespace)
            eventually(lambda: federation.status(api).get("phase") == "Suspended", LONG)
            eventually(lambda: federation.at_banks(api, "v1/pods") == [], LONG)
            hear_again(proxy)
            api.patch(TRAININGS, federation.name, {"spec": {"suspend": False}}, federation.namespace)
            (job,) = eventually(lambda: made(federation, api, PYTORCHJOBS, "-1-train-bank-a-"), LONG)
            eventually(lambda: len(made(federation, api, "v1/pods", "-1-train-")) == 2, LONG)
            proxy.silent = True
            api.delete(PYTORCHJOBS, job["metadata"]["name"], "at-bank-a")
            pods.held = set()
            eventually(lambda: federation.status(api).get("round") == 2, LONG)
            hear_again(proxy)
            ended_as(federation, api, minio, undisturbed)


def hear_again(proxy: Proxy) -> None:
    """Connections break, and whoever watches connects again."""
    proxy.silent = False
    proxy.fault = "cut"
    proxy.cut()
    proxy.fault = ""


def test_what_is_deleted_by_hand_is_made_anew(
    kinds: ControlPlane,
    zygote: str,
    pods: Pods,
    federation: Federation,
    api: Api,
    minio: Minio,
    undisturbed: Digests,
    tmp_path: Path,
) -> None:
    pods.held = {"-1-train-"}
    with SupervisedOperator(zygote, kinds.kubeconfig, tmp_path, **OFTEN):
        federation.apply(api, minio)
        eventually(lambda: len(made(federation, api, "v1/pods", "-1-train-")) == 2, LONG)
        for secret in federation.at_banks(api, "v1/secrets"):
            api.delete("v1/secrets", secret["metadata"]["name"], secret["metadata"]["namespace"])
        for resource, who in ((TASKS, "bank-a"), (PYTORCHJOBS, "bank-b")):
            (body,) = made(federation, api, resource, f"-1-train-{who}-")
            api.delete(resource, body["metadata"]["name"], f"at-{who}")
        pods.held = {"-2-train-", "-1-aggregate-"}
        (job,) = eventually(lambda: api.list(JOBS, federation.namespace, "fedtrain.dev/hub-job=aggregate-1"), LONG)
        api.delete(JOBS, job["metadata"]["name"], federation.namespace)
        pods.held = {"-2-train-"}
        for pod in eventually(lambda: made(federation, api, "v1/pods", "-2-train-"), LONG):
            api.delete("v1/pods", pod["metadata"]["name"], pod["metadata"]["namespace"])
        pods.held = set()
        ended_as(federation, api, minio, undisturbed)
