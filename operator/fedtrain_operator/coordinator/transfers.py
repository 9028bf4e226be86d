"""The signed requests of participants' tasks: one Secret in each participant's namespace, with an entry for each task.

They are bearer secrets, so they are in no other object, status, event or log. An entry exists while its task may run,
and is renewed at half of its life.
"""

import asyncio
import base64
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from fedtrain.contracts.records import Run
from fedtrain.contracts.tasks import Task
from fedtrain.contracts.wire.signed_request_lifetime import LIFETIME_SECONDS
from fedtrain.contracts.wire.task import TaskRefused, from_wire
from fedtrain.contracts.wire.transfer import TransferGrant, TransferRefused, read_grant
from fedtrain.manifests import labels
from fedtrain.manifests.kinds import SECRET, TASK, Json, Ref, ref
from fedtrain.rounds.snapshot import TaskKey
from fedtrain_operator.coordinator.executions import TERMINAL, being_deleted, cancelled, who_of
from fedtrain_operator.coordinator.requests import Requests
from fedtrain_operator.coordinator.signatures import Place
from fedtrain_operator.coordinator.state import ClusterState, Memory
from fedtrain_operator.kube.client import AlreadyExists

READ = "read its task"
WRITE = "write the signed requests of its tasks"
DELETE = "delete the signed requests of its tasks"


async def renew(
    state: ClusterState, training: Ref, memory: Memory, records: Mapping[str, Json], requests: Requests
) -> None:
    """Sign the requests of tasks that may run and have none or old ones, and delete those of the other tasks.
    `records`: the Participants whose tasks may run. Raises StoreError."""
    assert memory.run is not None
    now, known = state.steady(), memory.signatures
    tasks = {task["metadata"]["uid"]: task for task in state.tasks.of(training)}
    running = {uid: task for uid, task in tasks.items() if _may_run(task, memory.run, records)}
    known.deleted &= tasks.keys() - running.keys()
    due = [task for uid, task in running.items() if known.due(uid, _is_pending(task), now)]
    places = {uid: _place(task) for uid, task in tasks.items()} | {uid: at for uid, (_, at) in known.written.items()}
    over = places.keys() - running.keys() - known.deleted
    if not due and not over:
        return
    changes: dict[Place, dict[str, str | None]] = defaultdict(dict)
    for uid in over:
        changes[places[uid]][uid] = None

    read, _ = await read_orders(state, memory.run, due, requests)
    orders = {uid: order for uid, order in read.items() if uid in running}  # a recreated task has another uid
    signed = await asyncio.to_thread(_sign, state, memory, orders)
    for uid, entry in signed.items():
        task = running[uid]
        changes[_place(task)][uid] = entry

    async def write(place: Place, entries: dict[str, str | None]) -> None:
        request = WRITE if any(entries.values()) else DELETE
        if await requests.attempt(place[1], request, lambda: _write(state, place[0], entries)):
            for uid, entry in entries.items():
                if entry is None:
                    known.written.pop(uid, None)
                    known.deleted.add(uid)
                else:
                    known.written[uid] = now, place

    await asyncio.gather(*(write(place, entries) for place, entries in changes.items() if entries))


async def read_orders(
    state: ClusterState, run: Run, tasks: Collection[Json], requests: Requests
) -> tuple[dict[str, Task], set[str]]:
    """Read tasks from the server, because caches keep no specs. Return the orders of those that the coordinator has
    made, by uid, and the participants of tasks that cannot be read."""
    orders: dict[str, Task] = {}

    async def read(task: Json) -> None:
        whole = await state.cluster.get(TASK, ref(task))
        if whole is not None and (order := _order_of(whole, run)) is not None:
            orders[whole["metadata"]["uid"]] = order

    done = await asyncio.gather(*(requests.attempt(who_of(task), READ, lambda task=task: read(task)) for task in tasks))
    return orders, {who_of(task) for task, was_read in zip(tasks, done, strict=True) if not was_read}


async def delete(state: ClusterState, tasks: Iterable[Json], requests: Requests) -> None:
    """Delete the entries of tasks that are deleted next: afterwards nothing names these entries."""
    places: dict[Place, dict[str, str | None]] = defaultdict(dict)
    for task in tasks:
        places[_place(task)][task["metadata"]["uid"]] = None

    async def write(place: Place, entries: dict[str, str | None]) -> None:
        name = Ref(place[0], labels.TRANSFER_SECRET)
        await requests.attempt(place[1], DELETE, lambda: _patch(state, name, entries))

    await asyncio.gather(*(write(place, entries) for place, entries in places.items()))


def _place(task: Json) -> Place:
    return task["metadata"]["namespace"], who_of(task)


def _is_pending(task: Json) -> bool:
    return task.get("status", {}).get("phase", "Pending") == "Pending"


def _may_run(task: Json, run: Run, records: Mapping[str, Json]) -> bool:
    """Whether this is a task of the run, in the namespace of its participant, that has not ended."""
    key = labels.key_of(task, run.run_id)
    if key is None or key.who not in records or records[key.who]["spec"]["namespace"] != task["metadata"]["namespace"]:
        return False
    ended = task.get("status", {}).get("phase") in TERMINAL
    return task["metadata"]["name"] == labels.name_of(run, key) and not (
        ended or cancelled(task) or being_deleted(task)
    )


def _sign(state: ClusterState, memory: Memory, orders: Mapping[str, Task]) -> dict[str, str]:
    """Return the entries of tasks, by uid. Raises StoreError."""
    assert memory.grants is not None
    expires = int(state.clock()) + LIFETIME_SECONDS
    signed = {uid: memory.grants.grant(task, uid) for uid, task in orders.items()}
    return {uid: _encoded(grant.model_copy(update={"expires": expires})) for uid, grant in signed.items()}


def _encoded(grant: TransferGrant) -> str:
    return base64.b64encode(grant.packed()).decode()


def _order_of(whole: Json, run: Run) -> Task | None:
    """Return the order of a task of this run; None for one that the coordinator has not made. Others may create objects
    in a participant's namespace: their labels and their order must agree, so that they get no other participant's
    objects."""
    key = labels.key_of(whole, run.run_id)
    try:
        task = from_wire(whole["spec"]["task"])
    except TaskRefused:
        return None
    own = run.namespace, run.name, run.run_id
    if key is None or (task.namespace, task.name, task.run_id) != own:
        return None
    return task if _belongs(task, key) else None


def _belongs(task: Task, key: TaskKey) -> bool:
    asked = task.participant, task.work.type, task.attempt
    return asked == (key.who, key.kind, key.attempt) and task.round <= key.round


async def _write(state: ClusterState, namespace: str, entries: Mapping[str, str | None]) -> None:
    """Raises ApiError."""
    name = Ref(namespace, labels.TRANSFER_SECRET)
    written = await _patch(state, name, entries)
    if written is None:
        new = {uid: entry for uid, entry in entries.items() if entry is not None}
        if not new:
            return
        metadata = {"name": name.name, "namespace": namespace, "labels": labels.OURS}
        try:
            await state.cluster.create(
                SECRET, {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": new}
            )
        except AlreadyExists:
            await _patch(state, name, entries)
        return
    if expired := _expired(written.get("data") or {}, state.clock()):
        await _patch(state, name, dict.fromkeys(expired))


async def _patch(state: ClusterState, name: Ref, entries: Mapping[str, str | None]) -> Any:
    """Change entries; None deletes one. Return the Secret, or None if it does not exist."""
    return await state.cluster.patch(SECRET, name, {"data": dict(entries)})


def _expired(data: Mapping[str, str], now: float) -> list[str]:
    """Entries that a coordinator has left that was killed: their signatures have been useless for a whole lifetime."""
    return [uid for uid, entry in data.items() if _expiry(entry) + LIFETIME_SECONDS < now]


def _expiry(entry: str) -> float:
    try:
        return read_grant(base64.b64decode(entry)).expires
    except (ValueError, TransferRefused):
        return 0.0
