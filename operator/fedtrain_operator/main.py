"""The operator's process: settings, and which controllers run; the work is in `coordinator/` and `participant/`."""

import asyncio
import gc
import logging
import os
import sys
import time
from collections.abc import Sequence
from typing import Any

import kopf
from prometheus_client.registry import Collector

from fedtrain.manifests.kinds import PARTICIPANT, POLICY, PYTORCH_JOB, TASK, TRAINING, Kind
from fedtrain.manifests.pytorch_job import PyTorchJobs
from fedtrain.manifests.settings import Settings, SettingsWrong
from fedtrain_operator.coordinator import handlers as coordinator_handlers
from fedtrain_operator.coordinator.condition_metrics import ConditionMetrics
from fedtrain_operator.coordinator.connections import Connections
from fedtrain_operator.coordinator.metrics import TrainingMetrics
from fedtrain_operator.coordinator.privacy_metrics import PrivacyMetrics
from fedtrain_operator.coordinator.reconcile import Coordinator
from fedtrain_operator.coordinator.state import ClusterState
from fedtrain_operator.kube import logs, metrics
from fedtrain_operator.kube.cache import Cache
from fedtrain_operator.kube.client import Cluster
from fedtrain_operator.kube.hub_access import connection
from fedtrain_operator.kube.loops import LATENCY, Loops, give_every_pass_a_thread
from fedtrain_operator.kube.streams import Streams
from fedtrain_operator.participant import handlers as participant_handlers
from fedtrain_operator.participant.metrics import ParticipantMetrics
from fedtrain_operator.participant.participant_reconciler import Records
from fedtrain_operator.participant.sites import Sites, SiteStreams
from fedtrain_operator.participant.task_reconciler import Tasks
from fedtrain_operator.participant.token_renewal import TokenRenewal

log = logging.getLogger("fedtrain")

STUCK_SECONDS = 900.0
"""Age of an overdue pass at which the liveness probe fails, and the process is restarted."""

_KINDS = {"coordinator": (TRAINING, TASK, PARTICIPANT), "participant": (TASK, POLICY, PARTICIPANT, PYTORCH_JOB)}


def kinds_of(settings: Settings) -> set[Kind]:
    """The kinds that this cluster's API server must serve."""
    if settings.hub is not None:
        return {POLICY, PYTORCH_JOB}
    return {kind for name in settings.controllers for kind in _KINDS[name]}


def build(settings: Settings) -> kopf.OperatorRegistry:
    """Registers all watches, loops and probes of the controllers that run in this process."""
    registry = kopf.OperatorRegistry()
    operator = kopf.OperatorSettings()
    cluster = Cluster(lambda: login(operator), settings.namespaces)
    streams = Streams(cluster, settings.resync)
    loops: dict[str, Loops] = {}
    caches: dict[str, Cache] = {}
    collectors: list[Collector] = [metrics.OperatorMetrics(cluster, loops), metrics.Phases(caches), LATENCY]
    if "coordinator" in settings.controllers:
        state = ClusterState(
            cluster, streams, time.time, time.monotonic, settings.heartbeat, role_prefix=settings.role_prefix
        )
        loops["coordinator"] = Loops("training", Coordinator(state, settings).reconcile, settings.resync)
        loops["connections"] = Loops("participant", Connections(state).reconcile, settings.resync)
        coordinator_handlers.register(state, loops["coordinator"], loops["connections"])
        caches[TRAINING.name] = state.trainings
        conditions = ConditionMetrics(state.trainings, state.heartbeats)
        private = PrivacyMetrics(state.trainings)
        collectors += (*state.metrics.collectors, TrainingMetrics(state.memories), conditions, private)
    if "participant" in settings.controllers:
        sites = _sites(settings, cluster)
        both = SiteStreams(Streams(sites.hub, settings.resync), streams) if sites.is_remote else SiteStreams.of(streams)
        launcher = PyTorchJobs(settings.trainer_image, settings.trainer_pull_policy)
        hub = settings.hub.server if settings.hub else ""
        tasks = Tasks(sites, launcher, pod_check=settings.pod_check, hub=hub)
        records = Records(sites, tasks.policies, tasks.jobs, version=settings.version, heartbeat=settings.heartbeat)
        loops["participant"] = Loops("task", tasks.reconcile, settings.resync)
        loops["records"] = Loops("participant", records.reconcile, settings.heartbeat)
        participant_handlers.register(registry, sites, both, tasks, records, loops["participant"], loops["records"])
        caches[TASK.name] = tasks.tasks
        collectors.append(ParticipantMetrics(tasks.tasks, records, settings.hub, sites.hub))
        if sites.is_remote:
            _connect(registry, settings, sites, both.hub)
    _housekeeping(registry, settings, cluster, streams, loops, collectors)
    return registry


def _sites(settings: Settings, cluster: Cluster) -> Sites:
    """The hub is this cluster, unless the settings name another one."""
    hub = settings.hub
    if hub is None:
        return Sites(cluster, cluster)
    return Sites(Cluster(lambda: connection(hub), (hub.namespace,)), cluster, hub.participant)


def _connect(registry: kopf.OperatorRegistry, settings: Settings, sites: Sites, streams: Streams) -> None:
    renewals: list[asyncio.Task[None]] = []

    @kopf.on.startup(registry=registry, id="hub")
    async def _start(**_: Any) -> None:
        streams.start()
        if settings.hub and settings.hub.service_account and settings.hub.token_secret:
            renewals.append(asyncio.create_task(TokenRenewal(sites, settings.hub).run(), name="token renewal"))

    @kopf.on.cleanup(registry=registry, id="hub")
    async def _stop(**_: Any) -> None:
        for one in renewals:
            one.cancel()
        await streams.close()
        await sites.hub.close()


def login(settings: kopf.OperatorSettings) -> kopf.ConnectionInfo:
    """Uses KUBECONFIG if it is set, else the pod's service account."""
    named = kopf.login_with_kubeconfig(settings=settings) if os.environ.get("KUBECONFIG") else None
    found = named or kopf.login_with_service_account(settings=settings)
    if found is None:
        raise kopf.LoginError("No service account was found, and KUBECONFIG is not set. Set KUBECONFIG.")
    return found


def _housekeeping(
    registry: kopf.OperatorRegistry,
    settings: Settings,
    cluster: Cluster,
    streams: Streams,
    loops: dict[str, Loops],
    collectors: Sequence[Collector],
) -> None:
    @kopf.on.login(registry=registry)
    def _login(*, settings: kopf.OperatorSettings, **_: Any) -> kopf.ConnectionInfo:
        return login(settings)

    @kopf.on.startup(registry=registry)
    async def _start(*, settings: kopf.OperatorSettings, **_: Any) -> None:
        give_every_pass_a_thread()
        settings.posting.enabled = False
        settings.scanning.disabled = True  # kopf watches nothing; it runs the process, its probes and its signals

    @kopf.on.startup(registry=registry, id="metrics")
    async def _metrics(**_: Any) -> None:
        metrics.serve(settings.metrics_port, collectors)

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


def main() -> int:
    gc.set_threshold(50_000, 20, 50)  # most objects live long, and collecting them delays every pass
    try:
        settings = Settings.read()
    except SettingsWrong as error:
        print(error, file=sys.stderr)
        return 2
    logs.set_up(settings.log_level)
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
