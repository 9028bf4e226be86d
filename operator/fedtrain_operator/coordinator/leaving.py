"""A training that is deleted: its tasks stop, what was made for it goes, and its ledger if the file says so. The
finalizer on the training keeps it until then, because owner references don't cross namespaces."""

import asyncio
import logging

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.ledger.admission import compare, new_run, recorded
from fedtrain.ledger.store import StoreError
from fedtrain_operator.coordinator.lending import take_back
from fedtrain_operator.coordinator.stores import NoCredentials, open_ledger
from fedtrain_operator.coordinator.world import Memory, World
from fedtrain_operator.shared import labels
from fedtrain_operator.shared.cluster import Cluster
from fedtrain_operator.shared.kinds import JOB, SECRET, TASK, TRAINING, Json, Kind, Ref, ref

log = logging.getLogger("fedtrain")

FINALIZER = "fedtrain.dev/coordinator"
PATIENCE_SECONDS = 120.0
"""How long tasks get to say that they have stopped."""
TERMINAL = ("Succeeded", "Failed", "Refused", "Cancelled")


async def hold(cluster: Cluster, body: Json) -> Json:
    """The training with the finalizer."""
    finalizers = [*(body["metadata"].get("finalizers") or []), FINALIZER]
    change = {"metadata": {"finalizers": finalizers, "resourceVersion": body["metadata"]["resourceVersion"]}}
    return await cluster.patch(TRAINING, ref(body), change) or body


def held(body: Json) -> bool:
    return FINALIZER in (body["metadata"].get("finalizers") or [])


async def leave(world: World, body: Json, memory: Memory, now: float) -> bool:
    """One step of the clean-up; whether all is gone. Raises StoreError when the ledger can't go."""
    training, cluster = ref(body), world.cluster
    marks = labels.of_training(training)
    tasks = await cluster.list_everywhere(TASK, marks)
    memory.cancelling = memory.cancelling or now
    running = [task for task in tasks if task.get("status", {}).get("phase") not in TERMINAL]
    for task in running:
        if task["spec"].get("desiredState") != "Cancel":
            await cluster.patch(TASK, ref(task), {"spec": {"desiredState": "Cancel"}})
    await _delete(cluster, JOB, await cluster.list(JOB, training.namespace, marks))
    if running and now - memory.cancelling < PATIENCE_SECONDS:
        return False
    await take_back(world, training, [one["name"] for one in body["spec"].get("participants", ())], tasks)
    await _delete(cluster, TASK, tasks)
    storage = body["spec"].get("storage", {})
    if storage.get("retentionPolicy") == "Delete":
        await _delete_ledger(world, body, memory)
    finalizers = [name for name in body["metadata"].get("finalizers") or [] if name != FINALIZER]
    change = {"metadata": {"finalizers": finalizers, "resourceVersion": body["metadata"]["resourceVersion"]}}
    await cluster.patch(TRAINING, training, change)
    return True


async def _delete(cluster: Cluster, kind: Kind, bodies: list[Json]) -> None:
    for body in bodies:
        await cluster.delete(kind, ref(body), body["metadata"]["uid"])


async def _delete_ledger(world: World, body: Json, memory: Memory) -> None:
    """A ledger that can't be opened at all (no Secret any more) stays, and so does that of a run with another spec,
    which this training never was; one that can't be reached now is tried again."""
    training = ref(body)
    spec = FederatedTrainingSpec.model_validate(body["spec"])
    storage = spec.storage
    secret = None
    if storage.s3 is not None and storage.s3.credentials_secret_ref is not None:
        name = Ref(training.namespace, storage.s3.credentials_secret_ref.name)
        secret = await world.cluster.get(SECRET, name)
        if secret is None:
            log.warning("%s: its ledger stays, because the Secret %s is gone", training, name)
            return
    try:
        ledger = memory.ledger or open_ledger(storage, training.namespace, training.name, secret)
    except (NoCredentials, StoreError) as error:
        log.warning("%s: its ledger stays: %s", training, error)
        return
    run = await asyncio.to_thread(recorded, ledger)
    if run is not None and compare(run.spec, new_run(training.namespace, training.name, spec).spec):
        log.warning("%s: the ledger %s stays: it is of a run with another spec", training, ledger.url)
        return
    await asyncio.to_thread(ledger.store.delete, f"{training.namespace}/{training.name}")
