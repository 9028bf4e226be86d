"""Faults of pods, nodes and operators change no digest.

The tests are one story, in this order: one thing after the other goes wrong for two trainings, and
at the end each has what an undisturbed one has.
"""

from collections.abc import Callable

import pytest

from hack.cluster.api import Api, Json, Refused
from hack.cluster.eventually import eventually
from hack.cluster.processes import ProgramFailed
from hack.cluster.s3_server import S3Server
from hack.cluster.whole import WholeCluster
from tests.controlplane.training import Digests
from tests.e2e.conftest import NEXT
from tests.e2e.federation import RealFederation
from tests.e2e.installing import Release

Start = Callable[[str], RealFederation]


@pytest.fixture(scope="module")
def api(hub: WholeCluster) -> Api:
    return hub.control_plane.api


@pytest.fixture(scope="module")
def start(banks: RealFederation, api: Api, s3_server: S3Server) -> Start:
    """Applies a training in a namespace of its own."""

    def apply(namespace: str) -> RealFederation:
        made = RealFederation(banks.folder, namespace).prepare(api, s3_server)
        made.apply(api, s3_server, evaluation={})
        return made

    return apply


@pytest.fixture(scope="module")
def unlucky(start: Start) -> RealFederation:
    """Loses pods, is suspended, and loses its operator."""
    return start("unlucky")


@pytest.fixture(scope="module")
def moved(start: Start) -> RealFederation:
    """Sees its operator replaced, and the power fail."""
    return start("moved")


def running(federation: RealFederation, api: Api, kind: str) -> list[Json]:
    return [pod for pod in federation.pods(api, kind) if pod["status"]["phase"] == "Running"]


def test_a_trainers_pod_that_is_deleted_in_the_middle_of_its_task_is_recreated(
    unlucky: RealFederation, api: Api
) -> None:
    deleted = eventually(lambda: running(unlucky, api, "Train"), often=True)[0]["metadata"]
    api.delete("v1/pods", deleted["name"], deleted["namespace"])
    who = deleted["labels"]["fedtrain.dev/participant"]
    made = eventually(
        lambda: [
            pod
            for pod in unlucky.pods(api, "Train")
            if pod["metadata"]["labels"]["fedtrain.dev/participant"] == who and pod["metadata"]["uid"] != deleted["uid"]
        ],
    )
    assert made[0]["metadata"]["labels"]["fedtrain.dev/round"] == deleted["labels"]["fedtrain.dev/round"]


def test_a_training_that_is_suspended_in_the_middle_of_a_round_lets_go_of_all_pods(
    unlucky: RealFederation, api: Api
) -> None:
    eventually(lambda: running(unlucky, api, "Train"), often=True)
    unlucky.change(api, suspend=True)
    eventually(lambda: unlucky.status(api).get("phase") == "Suspended")
    eventually(lambda: all(pod["status"]["phase"] in ("Succeeded", "Failed") for pod in unlucky.pods(api)))
    assert unlucky.status(api)["phase"] == "Suspended"


def test_an_operator_that_is_killed_in_the_middle_of_a_round_is_back_by_itself(
    unlucky: RealFederation, release: Release, hub: WholeCluster, api: Api
) -> None:
    unlucky.change(api, suspend=False)
    eventually(lambda: running(unlucky, api, "Train"), often=True)
    hub.kill(release.operator())
    assert eventually(lambda: restarts(release.operator()) == 1)


def test_a_round_whose_aggregator_is_killed_is_committed(unlucky: RealFederation, hub: WholeCluster, api: Api) -> None:
    killed = eventually(lambda: killed_one(unlucky, hub, api, "Aggregate"), often=True)
    round = int(killed["metadata"]["labels"]["fedtrain.dev/round"])
    eventually(lambda: (round, "Committed") in outcomes(unlucky, api))


def test_an_upgraded_operator_continues_what_runs(moved: RealFederation, release: Release, api: Api) -> None:
    eventually(lambda: moved.pods(api))
    release.install(f"images.operator.tag={NEXT}")
    assert release.operator()["spec"]["containers"][0]["image"].endswith(f":{NEXT}")
    assert moved.status(api)["phase"] not in ("Succeeded", "Failed")


def test_work_on_a_node_that_loses_its_power_continues_once_it_is_back(
    moved: RealFederation, hub: WholeCluster, api: Api
) -> None:
    lost = {pod["metadata"]["uid"] for pod in eventually(lambda: running(moved, api, "Train"), often=True)}
    hub.cut_power()
    hub.power_on()
    eventually(lambda: not lost & {pod["metadata"]["uid"] for pod in running(moved, api, "Train")})


@pytest.mark.parametrize("name", ["unlucky", "moved"])
def test_each_training_ends_with_the_digests_of_an_undisturbed_one(
    name: str, request: pytest.FixtureRequest, api: Api, s3_server: S3Server, undisturbed: Digests
) -> None:
    federation: RealFederation = request.getfixturevalue(name)
    federation.succeeded_with(undisturbed, api, s3_server)


def killed_one(federation: RealFederation, hub: WholeCluster, api: Api, kind: str) -> Json | None:
    """Kill the container of a running pod and return the pod; None if no pod runs, or it has ended."""
    for pod in running(federation, api, kind):
        try:
            hub.kill(api.get("v1/pods", pod["metadata"]["name"], pod["metadata"]["namespace"]))
        except (Refused, ProgramFailed):
            continue
        return pod
    return None


def outcomes(federation: RealFederation, api: Api) -> list[tuple[int, str]]:
    return [(told["round"], told["outcome"]) for told in federation.status(api)["lastRounds"]]


def restarts(pod: Json) -> int:
    return pod["status"]["containerStatuses"][0]["restartCount"]
