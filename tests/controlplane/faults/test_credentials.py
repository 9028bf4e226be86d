"""The store's keys, wrong at first, replaced, and used by pods that fail: they are in Secrets, and nowhere else."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clusters.api import Api
from tests.clusters.control_plane import ControlPlane
from tests.clusters.eventually import eventually
from tests.clusters.minio import Minio
from tests.controlplane.faults.operators import SupervisedOperator
from tests.controlplane.pods import Pods
from tests.controlplane.training import SECRET, TASKS, Federation

pytestmark = pytest.mark.slow
LONG = 120


def test_keys_appear_in_no_object_but_secrets_and_in_no_log(
    kinds: ControlPlane, zygote: str, pods: Pods, federation: Federation, api: Api, minio: Minio, tmp_path: Path
) -> None:
    wrong = "not-the-secret-of-this-store"
    keys = (minio.secret_key, wrong)
    change_key(federation, api, wrong)
    pods.faults = {"-1-train-bank-a-1-": "full:/updates/", "-1-aggregate-1-1-": "refuse:aggregate-1.json"}
    with SupervisedOperator(zygote, kinds.kubeconfig, tmp_path, RESYNC_SECONDS="2") as operator:
        federation.apply(api, minio, evaluation={})
        eventually(lambda: "StoreReachable" in untrue(federation, api), LONG)
        change_key(federation, api, minio.secret_key)
        eventually(lambda: federation.status(api).get("phase") == "Failed", LONG)
        found = list(objects(kinds))
        assert any(text.startswith("Event") and "refused to write" in text for text in found)
        assert [text[:200] for text in found if holds(text, keys)] == []
        logs = [operator.log, *(tmp_path / "pods").glob("*/log")]
        assert len(logs) > 5
        assert [path for path in logs if holds(path.read_text(), keys)] == []
        federation.delete(api)
        assert minio.secret_key not in operator.log.read_text()


def test_a_secret_that_lacks_a_key_is_read_again_long_before_the_next_resync(
    kinds: ControlPlane, zygote: str, federation: Federation, api: Api, minio: Minio, tmp_path: Path
) -> None:
    api.patch("v1/secrets", SECRET, {"data": {"AWS_SECRET_ACCESS_KEY": None}}, federation.namespace)
    with SupervisedOperator(zygote, kinds.kubeconfig, tmp_path, RESYNC_SECONDS="3600"):
        federation.apply(api, minio)
        eventually(lambda: "StoreReachable" in untrue(federation, api), LONG)
        change_key(federation, api, minio.secret_key)
        eventually(lambda: federation.at_banks(api, TASKS), LONG)
        federation.delete(api)


def change_key(federation: Federation, api: Api, secret: str) -> None:
    change = {"data": {"AWS_SECRET_ACCESS_KEY": base64.b64encode(secret.encode()).decode()}}
    api.patch("v1/secrets", SECRET, change, federation.namespace)


def untrue(federation: Federation, api: Api) -> list[str]:
    return [one["type"] for one in federation.status(api).get("conditions", ()) if one["status"] == "False"]


def objects(kinds: ControlPlane) -> Iterator[str]:
    """All objects that the API server has, but for Secrets: kind, name, and everything in them."""
    names = kinds.kubectl("api-resources", "--verbs=list", "-o", "name").split()
    shown = ",".join(name for name in names if name != "secrets")
    template = '{range .items[*]}{.kind} {.metadata.name} {@}{"\\n"}{end}'
    yield from kinds.kubectl("get", shown, "--all-namespaces", "-o", f"jsonpath={template}").splitlines()


def holds(text: str, keys: tuple[str, ...]) -> bool:
    return any(key in text or base64.b64encode(key.encode()).decode() in text for key in keys)
