"""The quickstart's files for clusters are taken as they are."""

from pathlib import Path

from hack.cluster.access import Access
from hack.cluster.api import Json
from hack.cluster.eventually import eventually
from hack.cluster.lasting import QUICKSTART, furnish
from hack.cluster.s3_server import S3Server
from tests.controlplane.training import TASKS, TRAININGS, keys, quickstart
from tests.e2e.installing import Release

FILE = QUICKSTART / "kubernetes" / "federation.yaml"
WHO = ("zoo", "museum", "botanic-garden", "observatory")


def test_pods_of_the_quickstart_run_after_three_commands(release: Release, s3_server: S3Server, tmp_path: Path) -> None:
    plane = release.cluster.control_plane
    files = quickstart(tmp_path, keys(s3_server), furnish(plane.api, s3_server))
    plane.kubectl("apply", "--server-side", "--kustomize", files)
    plane.kubectl("apply", "--filename", FILE)
    eventually(lambda: running(plane) & {*WHO})
    eventually(lambda: [task for who in WHO for task in ended_tasks(plane, who)])  # with keys that only read the base
    eventually(lambda: proceeds(plane.api.get(TRAININGS, "quickstart", "default")["status"]))
    plane.kubectl("delete", "--filename", FILE)
    plane.kubectl("delete", "participants.fedtrain.dev", *WHO)  # other tests register participants of these names


def proceeds(status: Json) -> bool:
    """Whether the conditions are known and none blocks the training, as pods that start slowly do for a while."""
    wrong = [one for one in status["conditions"] if one["type"] != "Complete" and one["status"] == "False"]
    return {"Accepted", "StoreReachable"} <= {one["type"] for one in status["conditions"]} and not wrong


def ended_tasks(plane: Access, who: str) -> list[Json]:
    """Those that succeeded."""
    return [task for task in plane.api.list(TASKS, who) if task.get("status", {}).get("phase") == "Succeeded"]


def running(plane: Access) -> set[str]:
    """Namespaces in which its pods run."""
    pods = plane.api.list("v1/pods", labels="fedtrain.dev/training=quickstart")
    return {pod["metadata"]["namespace"] for pod in pods if pod["status"]["phase"] == "Running"}
