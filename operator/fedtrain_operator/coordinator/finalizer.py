"""Deletion of a training: its tasks are stopped, its objects deleted, and its ledger if the file says so. A finalizer
keeps the training until then, because owner references do not cross namespaces."""

import asyncio

from pydantic import ValidationError

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts import names
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.run_claim import claimed, compare, new_run
from fedtrain.ledger.store import StoreError
from fedtrain.manifests import labels
from fedtrain.manifests.conditions import shortened
from fedtrain.manifests.kinds import JOB, POD, TASK, TRAINING, Json, Ref, ref
from fedtrain_operator.coordinator import blocked, credentials, transfers
from fedtrain_operator.coordinator.executions import TERMINAL, who_of
from fedtrain_operator.coordinator.requests import Requests
from fedtrain_operator.coordinator.state import ClusterState, Memory
from fedtrain_operator.coordinator.status_writer import publish
from fedtrain_operator.coordinator.stores import NoCredentials, open_ledger
from fedtrain_operator.kube.api_error import ApiError
from fedtrain_operator.kube.client import Cluster
from fedtrain_operator.kube.events import Event

FINALIZER = "fedtrain.dev/coordinator"
PATIENCE_SECONDS = 120.0
"""How long tasks and pods may take to stop, and namespaces to let their objects be deleted."""
ENDED = ("Succeeded", "Failed")
"""Phases of pods that no longer run."""


async def add(cluster: Cluster, body: Json) -> Json:
    """The training with the finalizer."""
    finalizers = [*(body["metadata"].get("finalizers") or []), FINALIZER]
    change = {"metadata": {"finalizers": finalizers, "resourceVersion": body["metadata"]["resourceVersion"]}}
    return await cluster.patch(TRAINING, ref(body), change) or body


def present(body: Json) -> bool:
    return FINALIZER in (body["metadata"].get("finalizers") or [])


async def clean_up(state: ClusterState, body: Json, memory: Memory, requests: Requests) -> bool:
    """One step of the deletion; whether it is complete. Raises StoreError when the ledger cannot be deleted, Blocked,
    ApiError. What the API server refuses to delete at a participant is left behind after a while."""
    training, cluster, steady = ref(body), state.cluster, state.steady()
    tasks = await _tasks(state, training, requests)
    jobs = await cluster.list(JOB, training.namespace, labels.of_training(training))
    latest = await _latest(state, body)
    if latest is None:
        return False  # these objects belong to another training of the same name
    body = latest
    memory.cancelling = memory.cancelling or steady
    in_time = steady - memory.cancelling < PATIENCE_SECONDS
    running = [task for task in tasks if task.get("status", {}).get("phase") not in TERMINAL]
    await asyncio.gather(*(_cancel(cluster, task, requests) for task in running))
    for job in jobs:
        await cluster.delete(JOB, ref(job), job["metadata"]["uid"])
    if running and in_time:
        return False
    await transfers.delete(state, tasks, requests)
    await asyncio.gather(*(_delete(cluster, task, requests) for task in tasks))
    if requests.refused and in_time:
        return False
    report = [
        Event(
            "Warning",
            "ObjectsRemain",
            shortened(f"left behind, for the hub's administrator to delete: {memory.refusals.messages()}"),
        )
    ]
    report = report if requests.refused else []
    storage = body["spec"].get("storage", {})
    if storage.get("retentionPolicy") == "Delete":
        if in_time and await _pods_run(cluster, training):
            return False  # they write into the ledger until they end
        if event := await _delete_ledger(state, body, memory):
            report.append(event)
    finalizers = [name for name in body["metadata"].get("finalizers") or [] if name != FINALIZER]
    change = {"metadata": {"finalizers": finalizers, "resourceVersion": body["metadata"]["resourceVersion"]}}
    released = await cluster.patch(TRAINING, training, change)
    if released is None:  # it was gone already, and its events are written
        return True
    state.trainings.put(released)
    for event in report:
        await publish(state, body, event, body.get("status", {}).get("round"))
    return True


async def _pods_run(cluster: Cluster, training: Ref) -> bool:
    """Raises ApiError."""
    try:
        pods = await cluster.list(POD, training.namespace, labels.of_training(training))
    except ApiError as error:
        if error.code == 403:  # the namespace is being deleted, with the RoleBinding of this right
            return False
        raise
    return any(pod.get("status", {}).get("phase") not in ENDED for pod in pods)


async def _tasks(state: ClusterState, training: Ref, requests: Requests) -> list[Json]:
    """The training's tasks in all namespaces that are served. Raises ApiError if these are listed at once."""
    found: list[Json] = []

    async def read(namespace: str) -> None:
        found.extend(await state.cluster.list(TASK, namespace, labels.of_training(training)))

    for namespace in state.cluster.namespaces:
        if namespace in ("", training.namespace):
            await read(namespace)
        else:
            who = f"namespace {namespace}"
            await requests.attempt(who, "list its tasks", lambda namespace=namespace: read(namespace))
    return found


async def _cancel(cluster: Cluster, task: Json, requests: Requests) -> None:
    async def write() -> None:
        await cluster.write_field(TASK, task, "/spec/desiredState", "Cancel")

    if task["spec"].get("desiredState") != "Cancel":
        await requests.attempt(who_of(task), "cancel its task", write)


async def _delete(cluster: Cluster, task: Json, requests: Requests) -> None:
    await requests.attempt(
        who_of(task), "delete its task", lambda: cluster.delete(TASK, ref(task), task["metadata"]["uid"])
    )


async def _latest(state: ClusterState, body: Json) -> Json | None:
    """This training as the server has it now; None if it is gone, or another one has its name."""
    latest = await state.see(ref(body))
    return latest if latest is not None and latest["metadata"]["uid"] == body["metadata"]["uid"] else None


async def _delete_ledger(state: ClusterState, body: Json, memory: Memory) -> Event | None:
    """Deletes the ledger, unless it cannot be opened at all (its Secret is gone) or belongs to a run with another spec.
    Raises StoreError for one that cannot be reached now, or whose run is not known, and Blocked for a spec that cannot
    be read."""
    training = ref(body)
    try:
        spec = FederatedTrainingSpec.model_validate(body["spec"])
    except ValidationError as error:
        raise blocked.malformed(error, ", or set storage.retentionPolicy: Retain, which keeps the ledger") from error
    storage = spec.storage
    secret = None
    if storage.s3 is not None and storage.s3.credentials_secret_ref is not None:
        name = Ref(training.namespace, storage.s3.credentials_secret_ref.name)
        try:
            secret = await credentials.store_secret(state.cluster, name)
        except NoCredentials as error:
            return _remains(body, memory, str(error))
    try:
        ledger = open_ledger(storage, training.namespace, training.name, secret)
    except (NoCredentials, StoreError) as error:
        return _remains(body, memory, str(error))
    run = await asyncio.to_thread(claimed, ledger)
    if run is not None and compare(run.spec, new_run(training.namespace, training.name, spec).spec):
        return Event(
            "Warning",
            "LedgerRemains",
            f"{ledger.url} is not deleted: its run has another spec. To delete it, run `fedtrain delete {ledger.url}`",
        )
    if await _latest(state, body) is None or (run and memory.run and run.run_id != memory.run.run_id):
        return None  # another training of the name has begun
    await asyncio.to_thread(_empty, ledger)
    if await asyncio.to_thread(ledger.names):  # what was written meanwhile
        await asyncio.to_thread(_empty, ledger)
    return Event("Normal", "LedgerDeleted", f"deleted {ledger.url}") if run is not None else None


def _empty(ledger: Ledger) -> None:
    ledger.delete(names.ROUNDS)  # before `run.json`: without it, rounds are not deleted
    ledger.store.delete(f"{ledger.namespace}/{ledger.name}")


def _remains(body: Json, memory: Memory, why: str) -> Event | None:
    """For a ledger that cannot be opened; None if no run was begun."""
    if memory.run is None and "round" not in body.get("status", {}):
        return None
    fix = "To delete it, fix the error above, re-apply the manifest and delete it again"
    return Event(
        "Warning",
        "LedgerRemains",
        shortened(f"the ledger of {ref(body)} remains in its bucket: {why.rstrip('.')}. {fix}"),
    )
