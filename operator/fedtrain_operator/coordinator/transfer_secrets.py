"""The Secrets with signed requests: one in each participant's namespace, with an entry for each task, by uid.

Trainings share them, so entries that several trainings write at about the same time go out in one request: the cost of
a request grows with the whole Secret.
"""

import asyncio
import base64
import math
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fedtrain.contracts.wire.signed_request_lifetime import LIFETIME_SECONDS
from fedtrain.contracts.wire.transfer import TransferGrant, TransferRefused, read_grant
from fedtrain.ledger.blob_copies import readers_in
from fedtrain.ledger.s3_signer import signer_of
from fedtrain.manifests import labels
from fedtrain.manifests.kinds import SECRET, Json, Ref
from fedtrain_operator.kube.api_error import AlreadyExists, ApiError
from fedtrain_operator.kube.client import Cluster

_REFUSED_AS_A_WHOLE = (413, 422)
"""What the API server answers if one entry is invalid or the Secret becomes too large."""


@dataclass(frozen=True)
class Entry:
    """`expires`: in seconds since 1970. `signer`: `signer_of` its requests; empty for an entry that is not a grant.
    `readers`: `readers_in` it."""

    expires: float
    signer: str
    readers: str

    @classmethod
    def of(cls, grant: TransferGrant) -> "Entry":
        return cls(grant.expires, sys.intern(signer_of(grant.record.read.url)), sys.intern(readers_in(grant)))


@dataclass
class _Batch:
    """Entries that one request writes; None deletes one."""

    entries: dict[str, TransferGrant | None] = field(default_factory=dict[str, TransferGrant | None])
    writers: int = 0
    was_sent: bool = False
    error: ApiError | None = None


@dataclass
class _Secret:
    """What is known about one Secret. `lock`: held during each of its requests."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    entries: dict[str, Entry] | None = None
    """None until the Secret was read."""
    seen: float = 0.0
    """When it had these entries, on the steady clock."""
    next: _Batch = field(default_factory=_Batch)


class TransferSecrets:
    """`clock`: the wall's; `steady`: one that is never set."""

    def __init__(self, cluster: Cluster, clock: Callable[[], float], steady: Callable[[], float]) -> None:
        self._cluster = cluster
        self._clock = clock
        self._steady = steady
        self._secrets: dict[str, _Secret] = defaultdict(_Secret)

    async def entries(self, namespace: str, since: float = -math.inf) -> Mapping[str, Entry]:
        """Return the entries of a namespace, by uid, as they were at some time after `since`, on the steady clock.
        Raises ApiError."""
        secret = self._secrets[namespace]
        async with secret.lock:
            if secret.entries is None or secret.seen < since:
                began, found = self._steady(), await self._cluster.get(SECRET, _name(namespace))
                known = secret.entries if secret.entries is not None else {}
                _learn(known, {}, found)
                secret.entries, secret.seen = known, began
        return secret.entries

    async def write(self, namespace: str, entries: Mapping[str, TransferGrant | None]) -> None:
        """Write entries; None deletes one. Raises ApiError."""
        secret = self._secrets[namespace]
        batch = secret.next
        batch.entries |= entries
        batch.writers += 1
        async with secret.lock:
            if not batch.was_sent:
                secret.next, batch.was_sent = _Batch(), True
                batch.error = ApiError(0, "Timeout", "no answer to a request that also had these entries")
                try:
                    await self._send(namespace, secret, batch.entries)
                except ApiError as error:
                    batch.error = error
                else:
                    batch.error = None
            if batch.error is not None and batch.writers > 1 and batch.error.code in _REFUSED_AS_A_WHOLE:
                await self._send(namespace, secret, entries)
            elif batch.error is not None:
                raise batch.error

    async def _send(self, namespace: str, secret: _Secret, entries: Mapping[str, TransferGrant | None]) -> None:
        """Also deletes the entries that a killed coordinator has left: their signatures have been useless for a whole
        lifetime."""
        known = secret.entries if secret.entries is not None else {}
        now = self._clock()
        left = {uid: None for uid, entry in known.items() if entry.expires + LIFETIME_SECONDS < now}
        changes = {uid: _encoded(grant) if grant is not None else None for uid, grant in (left | {**entries}).items()}
        began = self._steady()
        written = await self._cluster.patch(SECRET, _name(namespace), {"data": changes})
        if written is None:
            written = await self._create(namespace, changes)
        _learn(known, entries, written)
        secret.entries, secret.seen = known, began

    async def _create(self, namespace: str, changes: Mapping[str, str | None]) -> Json | None:
        """Return the Secret; None if there is nothing to write."""
        data = {uid: entry for uid, entry in changes.items() if entry is not None}
        if not data:
            return None
        metadata = {"name": labels.TRANSFER_SECRET, "namespace": namespace, "labels": labels.OURS}
        body = {"apiVersion": SECRET.api_version, "kind": SECRET.name, "metadata": metadata, "data": data}
        try:
            return await self._cluster.create(SECRET, body)
        except AlreadyExists:
            return await self._cluster.patch(SECRET, _name(namespace), {"data": data})


def _name(namespace: str) -> Ref:
    return Ref(namespace, labels.TRANSFER_SECRET)


def _learn(known: dict[str, Entry], written: Mapping[str, TransferGrant | None], secret: Json | None) -> None:
    """Make `known` what the Secret has. `written`: what this process has written, which needs no decoding."""
    data: Mapping[str, str] = (secret or {}).get("data") or {}
    for uid in known.keys() - data.keys():
        del known[uid]
    for uid, entry in data.items():
        if (grant := written.get(uid)) is not None:
            known[uid] = Entry.of(grant)
        elif uid not in known:
            known[uid] = _decoded(entry)


def _encoded(grant: TransferGrant) -> str:
    return base64.b64encode(grant.packed()).decode()


def _decoded(entry: str) -> Entry:
    try:
        return Entry.of(read_grant(base64.b64decode(entry)))
    except (ValueError, TransferRefused):
        return Entry(0.0, "", "")
