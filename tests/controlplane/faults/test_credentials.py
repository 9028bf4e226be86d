"""The store's keys, wrong at first, replaced, and used by pods that fail: they are in Secrets, and nowhere else."""

import base64
from collections.abc import Iterator

from hack.cluster.control_plane import ControlPlane
from hack.cluster.eventually import eventually
from tests.controlplane.faults.scene import Scene
from tests.controlplane.pods import Pods
from tests.controlplane.training import SECRET, TASKS


def test_keys_appear_in_no_object_but_secrets_and_in_no_log(scene: Scene, kinds: ControlPlane, pods: Pods) -> None:
    wrong = "not-the-secret-of-this-store"
    keys = (scene.s3_server.secret_key, wrong, "X-Amz-Signature")
    change_key(scene, wrong)
    pods.faults = {"-1-train-bank-a-1-": "broken:/updates/", "-1-aggregate-1-1-": "refuse:aggregate-1.json"}
    with scene.operator(RESYNC_SECONDS="2") as operator:
        scene.apply(evaluation={})
        eventually(lambda: scene.condition("StoreReachable").get("status") == "False")
        change_key(scene, scene.s3_server.secret_key)
        eventually(lambda: scene.status.get("phase") == "Failed")
        found = eventually(lambda: shown if is_reported(shown := list(objects(kinds))) else None)
        assert [text[:200] for text in found if holds(text, keys)] == []
        logs = [operator.log, *pods.folder.glob("*/log")]
        assert len(logs) > 5
        assert [path for path in logs if holds(path.read_text(), keys)] == []
        scene.delete()
        assert scene.s3_server.secret_key not in operator.log.read_text()


def test_a_secret_that_lacks_a_key_is_read_again_long_before_the_next_resync(scene: Scene) -> None:
    change_key(scene, None)
    with scene.operator(RESYNC_SECONDS="3600"):
        scene.apply()
        eventually(lambda: scene.condition("StoreReachable").get("status") == "False")
        change_key(scene, scene.s3_server.secret_key)
        eventually(lambda: scene.at_banks(TASKS))
        scene.delete()


def change_key(scene: Scene, secret: str | None) -> None:
    """None takes it away."""
    change = {"data": {"AWS_SECRET_ACCESS_KEY": base64.b64encode(secret.encode()).decode() if secret else None}}
    scene.api.patch("v1/secrets", SECRET, change, scene.federation.namespace)


def objects(kinds: ControlPlane) -> Iterator[str]:
    """All objects that the API server has, but for Secrets: kind, name, and everything in them."""
    names = kinds.kubectl("api-resources", "--verbs=list", "-o", "name").split()
    shown = ",".join(name for name in names if name != "secrets")
    template = '{range .items[*]}{.kind} {.metadata.name} {@}{"\\n"}{end}'
    yield from kinds.kubectl("get", shown, "--all-namespaces", "-o", f"jsonpath={template}").splitlines()


def is_reported(found: list[str]) -> bool:
    """Whether an event has the store's refusal. The operator writes events after the status."""
    return any(text.startswith("Event") and "refused to write" in text for text in found)


def holds(text: str, keys: tuple[str, ...]) -> bool:
    return any(key in text or base64.b64encode(key.encode()).decode() in text for key in keys)
