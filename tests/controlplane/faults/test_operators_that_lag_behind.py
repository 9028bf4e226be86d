"""Two operators at once, as when a node that was given up comes back: the one that lags behind does no harm."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from hack.cluster.api import Json
from hack.cluster.eventually import eventually
from hack.cluster.kubeconfig import Credentials
from hack.cluster.processes import free_port
from tests.controlplane.faults.operators import SupervisedOperator
from tests.controlplane.faults.scene import Scene
from tests.controlplane.pods import Pods
from tests.controlplane.training import JOBS, TRAININGS, Digests, attempts
from tests.support.proxy import Proxy


@dataclass(frozen=True)
class Late:
    """The operator that lags behind, and what is between it and the API server."""

    operator: SupervisedOperator
    proxy: Proxy

    def freeze(self, *unheard: str) -> float:
        """It does nothing from now on, and will never hear of these kinds. How many passes it has made."""
        self.proxy.silent = unheard
        passes = self.passes()
        self.operator.freeze()
        return passes

    def thaw(self, passes: float) -> None:
        """Continue, and wait until it has made more passes than this number."""
        self.operator.thaw()
        eventually(lambda: self.passes() > passes)

    def passes(self) -> float:
        return self.operator.metric('fedtrain_reconcile_latency_seconds_count{object="training"}')


def uids(bodies: list[Json]) -> set[str]:
    return {body["metadata"]["uid"] for body in bodies}


@pytest.fixture
def late(scene: Scene, operator_account: Credentials) -> Iterator[Late]:
    with Proxy(operator_account.server, operator_account.authority) as proxy:
        through = replace(operator_account, server=proxy.url).write(scene.folder / "kubeconfig")
        with replace(scene, kubeconfig=through).operator(METRICS_PORT=str(free_port())) as operator:
            yield Late(operator, proxy)


@pytest.mark.parametrize(
    "unheard", [("/trainingtasks",), ("/trainingtasks", "/jobs"), ("/federatedtrainings",)], ids=" ".join
)
def test_it_stops_nothing_that_another_has_started_and_does_not_deny_its_words(
    scene: Scene, late: Late, pods: Pods, undisturbed: Digests, unheard: tuple[str, ...]
) -> None:
    resumed = "/federatedtrainings" in unheard

    def aggregator() -> Json | None:
        jobs = scene.api.list(JOBS, scene.federation.namespace, "fedtrain.dev/hub-job=aggregate-1")
        return next(iter(jobs), None)

    pods.held = {"-train-bank-b-", "-aggregate-"}
    scene.apply()
    eventually(lambda: scene.status.get("participants") == "1/2")
    if resumed:
        scene.change(suspend=True)
        eventually(lambda: scene.status.get("phase") == "Suspended")
    passes = late.freeze(*unheard)
    with scene.operator():
        if resumed:
            scene.change(suspend=False)
        pods.held = {"-aggregate-"}
        made = eventually(aggregator)
        late.thaw(passes)
        late.proxy.heal()
        pods.held = {"-2-train-"}
        eventually(lambda: scene.status.get("round") == 2)
        there = aggregator()
        assert there is not None
        assert there["metadata"]["uid"] == made["metadata"]["uid"]
        told = [one["reason"] for one in scene.api.list("v1/events", scene.federation.namespace)]
        assert told.count("Training") <= 4, "they deny each other's words"
        pods.held = set()
        assert attempts(scene.succeeded_with(undisturbed)) == []
        scene.delete()


def test_it_does_not_clean_up_after_a_training_whose_name_is_another_ones_now(
    scene: Scene, late: Late, pods: Pods, undisturbed: Digests
) -> None:
    pods.held = {"-train-"}
    kept = {**scene.bucket, "retentionPolicy": "Delete"}
    scene.apply(storage=kept)
    before = eventually(lambda: uids(scene.at_banks("v1/pods", "-train-")))
    passes = late.freeze()
    scene.api.delete(TRAININGS, scene.federation.name, scene.federation.namespace)
    time.sleep(1)  # so that it will hear of this
    late.proxy.silent = ("/federatedtrainings",)
    with scene.operator():
        eventually(lambda: scene.api.find(TRAININGS, scene.federation.name, scene.federation.namespace) is None)
        scene.apply(storage=kept)
        begun = eventually(lambda: uids(scene.at_banks("v1/pods", "-train-")) - before)
        late.thaw(passes)
        assert begun <= uids(scene.at_banks("v1/pods", "-train-"))
        pods.held = set()
        assert attempts(scene.succeeded_with(undisturbed)) == []
        scene.delete()
