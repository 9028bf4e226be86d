"""What the coordinator does about a participant that was revoked: it admits none of its records, and lets the store
refuse the requests that it has signed."""

import asyncio
from collections.abc import Mapping, Set

from fedtrain.ledger.blob_copies import UNKNOWN
from fedtrain.manifests.kinds import Json, Ref
from fedtrain_operator.coordinator.executions import who_of
from fedtrain_operator.coordinator.requests import Requests
from fedtrain_operator.coordinator.state import ClusterState, Memory
from fedtrain_operator.coordinator.transfers import read_orders


async def apply(
    state: ClusterState,
    training: Ref,
    memory: Memory,
    records: Mapping[str, Json],
    revoked: Set[str],
    unread: Set[str],
    requests: Requests,
    round: int,
) -> None:
    """`records`: the Participants that exist; `revoked`: participants of the training whose Participant does not exist;
    `unread`: those of which that is unknown. Raises StoreError. What a pass could not do, the next one does."""
    assert memory.gatherer is not None
    assert memory.grants is not None
    incoming = memory.gatherer.incoming
    assert incoming is not None
    incoming.participants = frozenset(records)
    copies = memory.grants.copies
    if not unread or copies.readers == UNKNOWN:
        copies.admit([record["metadata"]["uid"] for record in records.values()])
    if revoked != incoming.revoked:
        if any(who_of(task) in revoked for task in state.tasks.of(training)):
            await asyncio.to_thread(copies.withdraw)
        created = await _created(state, training, memory, revoked, requests)
        await asyncio.to_thread(incoming.revoke, created, round)


async def _created(
    state: ClusterState, training: Ref, memory: Memory, participants: Set[str], requests: Requests
) -> dict[str, list[str]]:
    """Return the names of the objects that signed requests of these participants' tasks create, by participant;
    participants whose tasks cannot be read are left out."""
    assert memory.run is not None
    assert memory.grants is not None
    tasks = [task for task in state.tasks.of(training) if who_of(task) in participants]
    orders, unread = await read_orders(state, memory.run, tasks, requests)
    found: dict[str, list[str]] = {who: [] for who in participants - unread}
    for uid, order in orders.items():
        if order.participant in found:
            found[order.participant] += memory.grants.created(order, uid)
    return found
