"""The operator's process: settings, and which controllers run; the work is in `coordinator/` and `participant/`."""

import gc
import logging
import sys
from collections.abc import Sequence
from typing import Any

import kopf
from prometheus_client.registry import Collector

from fedtrain.manifests.kinds import PARTICIPANT, POLICY, PYTORCH_JOB, TASK, TRAINING
from fedtrain.manifests.pytorch_job import PyTorchJobs
from fedtrain.manifests.settings import Settings, SettingsWrong
from fedtrain_operator.coordinator import handlers as coordinator_handlers
from fedtrain_operator.coordinator.reconcile import Coordinator
from fedtrain_operator.coordinator.state import ClusterState
from fedtrain_operator.kube import logs, metrics
from fedtrain_operator.kube.cache import Cache
from fedtrain_operator.kube.client import Cluster
from fedtrain_operator.kube.loops import LATENCY, Loops, a_thread_for_every_pass
from fedtrain_operator.kube.streams import Streams
from fedtrain_operator.kube.watching import NoDifferences
from fedtrain_operator.participant import handlers as participant_handlers
from fedtrain_operator.participant.participant_reconciler import Records
from fedtrain_operator.participant.task_reconciler import Tasks

log = logging.getLogger("fedtrain")

STUCK_SECONDS = 900.0
"""A pass that has been due for so long means that this process works no more: the probe fails, and it is restarted."""

KINDS = {"coordinator": (TRAINING, TASK, PARTICIPANT), "participant": (TASK, POLICY, PARTICIPANT, PYTORCH_JOB)}


def build(settings: Settings) -> kopf.OperatorRegistry:
    """All watches, loops and probes of the controllers that run here."""
    registry = kopf.OperatorRegistry()
    operator = kopf.OperatorSettings()
    cluster = Cluster(lambda: login(operator), settings.namespaces)
    streams = Streams(cluster, settings.resync)
    loops: dict[str, Loops] = {}
    caches: dict[str, Cache] = {}
    measured: list[Collector] = [metrics.OperatorMetrics(cluster, loops), metrics.Phases(caches), LATENCY]
    if "coordinator" in settings.controllers:
        world = ClusterState(cluster, streams)
        loops["coordinator"] = Loops("training", Coordinator(world, settings).reconcile, settings.resync)
        coordinator_handlers.register(registry, world, loops["coordinator"])
        caches[TRAINING.name] = world.trainings
        measured += world.measures.collectors
    if "participant" in settings.controllers:
        launcher = PyTorchJobs(settings.trainer_image, settings.trainer_pull_policy)
        tasks = Tasks(cluster, launcher, pod_check=settings.pod_check)
        records = Records(cluster, tasks.policies, version=settings.version, heartbeat=settings.heartbeat)
        loops["participant"] = Loops("task", tasks.reconcile, settings.resync)
        loops["records"] = Loops("participant", records.reconcile, settings.heartbeat)
        participant_handlers.register(registry, streams, tasks, records, loops["participant"], loops["records"])
        caches[TASK.name] = tasks.tasks
    _housekeeping(registry, settings, cluster, streams, loops, measured)
    return registry


def login(settings: kopf.OperatorSettings) -> kopf.ConnectionInfo:
    """As the pod's service account, else by KUBECONFIG."""
    found = kopf.login_with_service_account(settings=settings) or kopf.login_with_kubeconfig(settings=settings)
    if found is None:
        raise kopf.LoginError("There is no service account here, and KUBECONFIG is not set.")
    return found


def _housekeeping(
    registry: kopf.OperatorRegistry,
    settings: Settings,
    cluster: Cluster,
    streams: Streams,
    loops: dict[str, Loops],
    measured: Sequence[Collector],
) -> None:
    @kopf.on.login(registry=registry)
    def _login(*, settings: kopf.OperatorSettings, **_: Any) -> kopf.ConnectionInfo:
        return login(settings)

    @kopf.on.startup(registry=registry)
    async def _start(*, settings: kopf.OperatorSettings, **_: Any) -> None:
        a_thread_for_every_pass()
        settings.posting.enabled = False
        settings.persistence.diffbase_storage = NoDifferences()
        settings.watching.server_timeout = 300
        settings.watching.client_timeout = 301
        settings.watching.reconnect_backoff = 1.0

    if settings.namespaces:  # no rights to look at the cluster's namespaces, and at kinds that come later
        _see_no_cluster(registry, settings, cluster)

    @kopf.on.startup(registry=registry, id="metrics")
    async def _metrics(**_: Any) -> None:
        metrics.serve(settings.metrics_port, measured)

    @kopf.on.startup(registry=registry, id="streams")
    async def _follow(**_: Any) -> None:
        streams.start()

    @kopf.on.cleanup(registry=registry)
    async def _stop(**_: Any) -> None:
        await streams.close()
        for one in loops.values():
            await one.close()
        await cluster.close()

    @kopf.on.probe(registry=registry, id="overdueSeconds")
    def _overdue(**_: Any) -> float:
        overdue = max((one.overdue() for one in loops.values()), default=0.0)
        if overdue > STUCK_SECONDS:
            raise RuntimeError(f"a pass has been due for {overdue:.0f} s")
        return round(overdue, 1)


def _see_no_cluster(registry: kopf.OperatorRegistry, settings: Settings, cluster: Cluster) -> None:
    """What is served is what is there at the start: kinds that came later would never be watched, so they are waited
    for."""
    kinds = sorted({kind for name in settings.controllers for kind in KINDS[name]})

    @kopf.on.startup(registry=registry, id="kinds")
    async def _kinds(*, settings: kopf.OperatorSettings, **_: Any) -> None:
        settings.scanning.disabled = True
        lacking = [f"{kind.plural}.{kind.group}" for kind in kinds if not await cluster.offers(kind)]
        if lacking:
            raise kopf.TemporaryError(f"waiting for CustomResourceDefinitions: {', '.join(lacking)}", delay=5)


def main() -> int:
    logs.set_up()
    gc.set_threshold(50_000, 20, 50)  # what there are many of lives long: looking through it holds up every pass
    try:
        settings = Settings.read()
    except SettingsWrong as error:
        print(error, file=sys.stderr)
        return 2
    served = f"the namespaces {', '.join(settings.namespaces)}" if settings.namespaces else "all namespaces"
    log.info("fedtrain %s: %s, for %s", settings.version, " and ".join(settings.controllers), served)
    kopf.run(
        registry=build(settings),
        standalone=True,
        clusterwide=not settings.namespaces,
        namespaces=settings.namespaces,
        liveness_endpoint=f"http://0.0.0.0:{settings.health_port}/healthz" if settings.health_port else None,
    )
    return 0
