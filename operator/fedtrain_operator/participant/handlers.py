"""Events that the participant controller follows: they feed the caches and wake the loops."""

from typing import Any

import kopf

from fedtrain.manifests import labels
from fedtrain.manifests.kinds import PARTICIPANT, POLICY, TASK, Json, Ref, ref
from fedtrain_operator.kube.cache import is_new, take
from fedtrain_operator.kube.loops import Loops
from fedtrain_operator.participant.participant_reconciler import Records
from fedtrain_operator.participant.sites import Sites, SiteStreams
from fedtrain_operator.participant.task_reconciler import Tasks


def register(
    registry: kopf.OperatorRegistry,
    sites: Sites,
    streams: SiteStreams,
    tasks: Tasks,
    records: Records,
    task_loops: Loops,
    record_loops: Loops,
) -> None:
    def on_task(event: Json) -> None:
        if labels.runs_elsewhere(event["object"]) and not sites.is_remote:
            return
        task_loops.wake(take(tasks.tasks, event))

    def on_job(event: Json) -> None:
        job = event["object"]
        name = (job["metadata"].get("labels") or {}).get(labels.TASK)
        if name is not None:
            take(tasks.jobs.cache, event)
            task_loops.wake(sites.hub_of(Ref(job["metadata"]["namespace"], name)))

    def on_policy(event: Json) -> None:
        known, changed = tasks.policies.get(ref(event["object"])), is_new(tasks.policies, event)
        policy = take(tasks.policies, event)
        if not changed:  # most of a list is known
            return
        if event["type"] == "DELETED" or (known is not None and _generation(known) != _generation(event["object"])):
            at_hub = {ref(task) for task in tasks.tasks.within(sites.hub_of(policy).namespace)}
            for name in at_hub | {sites.hub_of(job) for job in tasks.jobs.of(policy.namespace)}:  # the hub may be away
                task_loops.wake(name)
        for record in records.of_namespace(policy.namespace):
            record_loops.wake(record)

    def on_participant(event: Json) -> None:
        changed = is_new(records.records, event)
        record = take(records.records, event)
        if changed:
            record_loops.wake(record)

    streams.hub.follow(TASK, tasks.tasks, on_task)
    streams.here.follow(tasks.jobs.kind, tasks.jobs.cache, on_job)
    streams.here.follow(POLICY, tasks.policies, on_policy)
    if not sites.is_remote:
        streams.here.follow(PARTICIPANT, records.records, on_participant)
        return

    @kopf.on.startup(registry=registry, id="heartbeat")
    async def _beat(**_: Any) -> None:
        for record in records.of_namespace(sites.here.namespaces[0]):
            record_loops.wake(record)


def _generation(body: Json) -> int:
    """It changes with the spec."""
    return body["metadata"].get("generation", 0)
