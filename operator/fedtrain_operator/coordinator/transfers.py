"""The signed requests of participants' tasks: one Secret in each participant's namespace, with an entry for each task.

They are bearer secrets, so they are in no other object, status, event or log. An entry exists while its task may run,
and is renewed at half of its life.
"""

import asyncio
import itertools
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from fedtrain.contracts.records import Run
from fedtrain.contracts.tasks import Task
from fedtrain.contracts.wire.signed_request_lifetime import LIFETIME_SECONDS
from fedtrain.contracts.wire.task import TaskRefused, from_wire
from fedtrain.contracts.wire.transfer import TransferGrant
from fedtrain.ledger.blob_copies import readers_in
from fedtrain.manifests import labels
from fedtrain.manifests.kinds import TASK, Json, Ref, ref
from fedtrain.rounds.snapshot import TaskKey
from fedtrain_operator.coordinator.executions import TERMINAL, being_deleted, cancelled, who_of
from fedtrain_operator.coordinator.own_objects import is_own_task
from fedtrain_operator.coordinator.requests import Requests
from fedtrain_operator.coordinator.signatures import PENDING_SECONDS, Place, Written
from fedtrain_operator.coordinator.state import ClusterState, Memory
from fedtrain_operator.coordinator.transfer_secrets import Entry

READ = "read its task"
READ_ENTRIES = "read the signed requests of its tasks"
WRITE = "write the signed requests of its tasks"
DELETE = "delete the signed requests of its tasks"


async def renew(
    state: ClusterState, training: Ref, memory: Memory, records: Mapping[str, Json], requests: Requests
) -> None:
    """Sign the requests of tasks that may run and have none or old ones, and delete those of the other tasks.
    `records`: the Participants whose tasks may run. Raises StoreError."""
    assert memory.run is not None
    assert memory.grants is not None
    now, known, copies = state.steady(), memory.signatures, memory.grants.copies
    tasks = {task["metadata"]["uid"]: task for task in state.tasks.of(training)}
    running = {uid: task for uid, task in tasks.items() if _may_run(task, memory.run, records)}
    known.deleted &= tasks.keys() - running.keys()
    unread = await _read_entries(state, tasks, running, memory, requests)
    if any(one.outdated(copies.readers) for one in known.written.values()):
        await asyncio.to_thread(copies.withdraw)  # first, so that a coordinator that is killed meanwhile repeats it
    due = [task for uid, task in running.items() if uid not in unread and known.due(uid, now, copies.readers)]
    places = {uid: _place(task) for uid, task in tasks.items()} | {uid: at.place for uid, at in known.written.items()}
    over = places.keys() - running.keys() - known.deleted - unread
    if not due and not over:
        return
    changes: dict[Place, dict[str, TransferGrant | None]] = defaultdict(dict)
    for uid in over:
        changes[places[uid]][uid] = None

    read, _ = await read_orders(state, memory.run, due, requests)
    orders = {uid: order for uid, order in read.items() if uid in running}  # a recreated task has another uid
    signed = await asyncio.to_thread(_sign, state, memory, orders, running.keys())
    for uid, grant in signed.items():
        changes[_place(running[uid])][uid] = grant

    async def write(place: Place, entries: dict[str, TransferGrant | None]) -> None:
        request = WRITE if any(entries.values()) else DELETE
        if await requests.attempt(place[1], request, lambda: state.transfer_secrets.write(place[0], entries)):
            for uid, grant in entries.items():
                if grant is None:
                    known.written.pop(uid, None)
                    known.deleted.add(uid)
                else:
                    known.written[uid] = Written(now, place, readers_in(grant))

    await asyncio.gather(*(write(place, entries) for place, entries in changes.items() if entries))


async def _read_entries(
    state: ClusterState, tasks: Mapping[str, Json], running: Mapping[str, Json], memory: Memory, requests: Requests
) -> frozenset[str]:
    """Learn which entries of these tasks an earlier process has written or deleted, and which ones of pending tasks
    somebody has deleted. Return the tasks whose Secrets cannot be read. Raises StoreError."""
    known, now = memory.signatures, state.steady()
    forgotten = tasks.keys() - known.written.keys() - known.deleted
    pending = {uid for uid, task in running.items() if uid in known.written and _is_pending(task)}
    places: dict[Place, list[str]] = defaultdict(list)
    for uid in forgotten | pending:
        places[_place(tasks[uid])].append(uid)
    entries: dict[str, Entry] = {}

    async def read(place: Place) -> None:
        since = now - PENDING_SECONDS if pending.intersection(places[place]) else -math.inf
        found = await state.transfer_secrets.entries(place[0], since)
        entries.update({uid: found[uid] for uid in places[place] if uid in found})

    async def attempt(place: Place) -> Collection[str]:
        was_read = await requests.attempt(place[1], READ_ENTRIES, lambda: read(place))
        return () if was_read else places[place]

    unread = frozenset(itertools.chain(*await asyncio.gather(*map(attempt, places))))
    for uid in pending - entries.keys() - unread:
        known.written[uid] = replace(known.written[uid], when=-math.inf)
    known.deleted |= forgotten - entries.keys() - unread - running.keys()
    if recalled := forgotten & entries.keys():
        assert memory.grants is not None
        signer = await asyncio.to_thread(lambda grants: grants.signer, memory.grants)
        for uid in recalled:
            if (entry := entries[uid]).signer == signer:
                left = min(entry.expires - state.clock(), LIFETIME_SECONDS)
                known.written[uid] = Written(now - (LIFETIME_SECONDS - left), _place(tasks[uid]), entry.readers)
    return unread


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
    places: dict[Place, dict[str, TransferGrant | None]] = defaultdict(dict)
    for task in tasks:
        places[_place(task)][task["metadata"]["uid"]] = None

    async def write(place: Place, entries: dict[str, TransferGrant | None]) -> None:
        await requests.attempt(place[1], DELETE, lambda: state.transfer_secrets.write(place[0], entries))

    await asyncio.gather(*(write(place, entries) for place, entries in places.items()))


def _place(task: Json) -> Place:
    return task["metadata"]["namespace"], who_of(task)


def _is_pending(task: Json) -> bool:
    return task.get("status", {}).get("phase", "Pending") == "Pending"


def _may_run(task: Json, run: Run, records: Mapping[str, Json]) -> bool:
    """Whether this is a task of the run for an existing participant that has not ended."""
    ended = task.get("status", {}).get("phase") in TERMINAL
    return (
        who_of(task) in records
        and is_own_task(task, run, records)
        and not (ended or cancelled(task) or being_deleted(task))
    )


def _sign(
    state: ClusterState, memory: Memory, orders: Mapping[str, Task], running: Collection[str]
) -> dict[str, TransferGrant]:
    """Return the entries of tasks, by uid. `running`: the uids of all tasks that may run. Raises StoreError."""
    assert memory.grants is not None
    expires = int(state.clock()) + LIFETIME_SECONDS
    signed = {uid: memory.grants.grant(task, uid) for uid, task in orders.items()}
    if signed:
        memory.grants.copies.delete_unused(running)
    return {uid: grant.model_copy(update={"expires": expires}) for uid, grant in signed.items()}


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
