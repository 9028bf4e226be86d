"""A training that is deleted: its tasks stop, what was made for it goes, and its ledger if the file says so. The
finalizer on the training keeps it until then, because owner references don't cross namespaces."""

import asyncio

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.ledger.admission import compare, new_run, recorded
from fedtrain.ledger.store import StoreError
from fedtrain.manifests import labels
from fedtrain.manifests.conditions import shortened
from fedtrain.manifests.kinds import JOB, TASK, TRAINING, Json, Kind, Ref, ref
from fedtrain_operator.coordinator.credentials import store_secret, take_back
from fedtrain_operator.coordinator.events import Told
from fedtrain_operator.coordinator.state import ClusterState, Memory
from fedtrain_operator.coordinator.status_writer import relate
from fedtrain_operator.coordinator.stores import NoCredentials, open_ledger
from fedtrain_operator.kube.client import Cluster

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


async def leave(world: ClusterState, body: Json, memory: Memory, steady: float, now: float) -> bool:
    """One step of the clean-up; whether all is gone. Raises StoreError when the ledger can't go. `steady`: seconds of
    a clock that nobody sets; `now`: since 1970."""
    training, cluster = ref(body), world.cluster
    marks = labels.of_training(training)
    tasks, jobs = await cluster.list_everywhere(TASK, marks), await cluster.list(JOB, training.namespace, marks)
    latest = await _latest(world, body)
    if latest is None:
        return False  # what is there now, another training of the name has made
    body = latest
    memory.cancelling = memory.cancelling or steady
    running = [task for task in tasks if task.get("status", {}).get("phase") not in TERMINAL]
    for task in running:
        if task["spec"].get("desiredState") != "Cancel":
            await cluster.write_field(TASK, task, "/spec/desiredState", "Cancel")
    await _delete(cluster, JOB, jobs)
    if running and steady - memory.cancelling < PATIENCE_SECONDS:
        return False
    await take_back(world, training, [one["name"] for one in body["spec"].get("participants", ())], tasks)
    await _delete(cluster, TASK, tasks)
    storage = body["spec"].get("storage", {})
    told = await _delete_ledger(world, body, memory) if storage.get("retentionPolicy") == "Delete" else None
    finalizers = [name for name in body["metadata"].get("finalizers") or [] if name != FINALIZER]
    change = {"metadata": {"finalizers": finalizers, "resourceVersion": body["metadata"]["resourceVersion"]}}
    left = await cluster.patch(TRAINING, training, change)
    if left is None:  # it was gone already, and all is told
        return True
    world.trainings.put(left)
    if told is not None:
        await relate(world, body, told, body.get("status", {}).get("round"), now)
    return True


async def _latest(world: ClusterState, body: Json) -> Json | None:
    """This training as the server has it now; None if it is gone, or another one has its name."""
    latest = await world.see(ref(body))
    return latest if latest is not None and latest["metadata"]["uid"] == body["metadata"]["uid"] else None


async def _delete(cluster: Cluster, kind: Kind, bodies: list[Json]) -> None:
    for body in bodies:
        await cluster.delete(kind, ref(body), body["metadata"]["uid"])


async def _delete_ledger(world: ClusterState, body: Json, memory: Memory) -> Told | None:
    """What became of it. One that can't be opened at all (no Secret any more) stays, and so does that of a run with
    another spec, which this training never was. One that can't be reached now is tried again."""
    training = ref(body)
    spec = FederatedTrainingSpec.model_validate(body["spec"])
    storage = spec.storage
    secret = None
    if storage.s3 is not None and storage.s3.credentials_secret_ref is not None:
        name = Ref(training.namespace, storage.s3.credentials_secret_ref.name)
        try:
            secret = await store_secret(world.cluster, name)
        except NoCredentials as error:
            return _remains(body, memory, str(error))
    try:
        ledger = open_ledger(storage, training.namespace, training.name, secret)
    except (NoCredentials, StoreError) as error:
        return _remains(body, memory, str(error))
    run = await asyncio.to_thread(recorded, ledger)
    if run is not None and compare(run.spec, new_run(training.namespace, training.name, spec).spec):
        return Told("Warning", "LedgerRemains", f"{ledger.url} stays: it is of a run with another spec")
    if await _latest(world, body) is None or (run and memory.run and run.run_id != memory.run.run_id):
        return None  # another training of the name has begun
    await asyncio.to_thread(ledger.store.delete, f"{training.namespace}/{training.name}")
    return Told("Normal", "LedgerDeleted", f"{ledger.url} is deleted") if run is not None else None


def _remains(body: Json, memory: Memory, why: str) -> Told | None:
    """Of a ledger that nobody can look into; None where nothing was begun."""
    if memory.run is None and "round" not in body.get("status", {}):
        return None
    now = "To be rid of it, put that right, apply the same file and delete it once more"
    return Told("Warning", "LedgerRemains", shortened(f"the ledger of {ref(body)} stays in its bucket: {why}. {now}"))
