"""The signed requests of tasks, on their way from the hub's Secret to the pods.

In the hub's cluster, pods mount their entry of that Secret. In a cluster of its own, a participant keeps a copy of its
tasks' entries in a Secret of the same name.
"""

import base64
import logging
import time
from collections.abc import Awaitable, Callable

from fedtrain.api.storage import S3
from fedtrain.contracts.grant_check import foreign_server, foreign_words
from fedtrain.contracts.wire.transfer import TransferRefused, read_grant
from fedtrain.manifests.kinds import SECRET, Json, Ref
from fedtrain.manifests.labels import TRANSFER_SECRET
from fedtrain.manifests.policy_check import Refusal
from fedtrain_operator.kube.api_error import ApiError
from fedtrain_operator.participant.sites import Sites

log = logging.getLogger("fedtrain")

COPY_SECONDS = 60.0
"""Between two copies while tasks run. The hub renews the requests at half of their life, which is much longer."""


class Transfers:
    """`steady`: seconds of a clock that is never set."""

    def __init__(self, sites: Sites, steady: Callable[[], float] = time.monotonic) -> None:
        self._sites = sites
        self._steady = steady
        self._copied: float | None = None
        self._uids: dict[Ref, str] = {}
        """Tasks whose entries are copied."""
        self._buckets: dict[str, S3] = {}
        """The bucket of each of their jobs, by uid: entries that go elsewhere are not copied."""
        self._refusals: dict[str, Refusal] = {}
        """Why entries were not copied, by uid."""

    async def refusal(self, whole: Json, s3: S3) -> Refusal | None:
        """Return why the task's requests must not be used; None if they may, and they are where the pods mount them.
        Raises NotSigned, ApiError."""
        task, uid = Ref(whole["metadata"]["namespace"], whole["metadata"]["name"]), whole["metadata"]["uid"]
        data = await self._at_hub(task.namespace)
        if uid not in data:
            raise NotSigned
        if refusal := _refusal(data[uid], s3, "Nothing ran"):
            return refusal
        if self._sites.is_remote:
            self._uids[task], self._buckets[uid] = uid, s3
            await self._copy(data)
        return None

    async def renew(self, task: Ref, uid: str, bucket: Callable[[], Awaitable[S3 | None]]) -> Refusal | None:
        """Copy renewed requests of a task that runs, or return why they must not be used. An error is logged, and the
        next pass tries again: a copy is useful for several minutes. `bucket`: of the task's job, which is asked for
        after a restart only."""
        if not self._sites.is_remote:
            return None
        self._uids[task] = uid
        try:
            if uid not in self._buckets and (s3 := await bucket()) is not None:
                self._buckets[uid] = s3
            if self._copied is None or self._steady() - self._copied >= COPY_SECONDS:
                await self._copy(await self._at_hub(task.namespace))
        except ApiError as error:
            log.warning("cannot copy the signed requests: %s", error, extra={"task": str(task)})
        return self._refusals.get(uid)

    async def forget(self, task: Ref) -> None:
        """Delete the copy of a task that has ended."""
        if (uid := self._uids.pop(task, None)) is not None:
            self._buckets.pop(uid, None)
            self._refusals.pop(uid, None)
            try:
                await self._sites.here.patch(SECRET, self._here, {"data": {uid: None}})
            except ApiError as error:
                log.warning("cannot delete the signed requests: %s", error, extra={"task": str(task)})

    @property
    def _here(self) -> Ref:
        return Ref(self._sites.here.namespaces[0], TRANSFER_SECRET)

    async def _at_hub(self, namespace: str) -> dict[str, str]:
        secret = await self._sites.hub.get(SECRET, Ref(namespace, TRANSFER_SECRET))
        return (secret or {}).get("data") or {}

    async def _copy(self, data: dict[str, str]) -> None:
        """Entries that the hub has deleted are deleted, too. Of one that must not be used, the copy stays as it is: the
        task's next pass deletes it with the job. Raises ApiError."""
        before = await self._sites.here.get(SECRET, self._here)
        if before is None:
            raise ApiError(404, "NotFound", f"Secret {self._here} does not exist. Run helm upgrade")
        known: dict[str, str] = before.get("data") or {}
        entries = {uid: data[uid] for uid in self._uids.values() if uid in data and uid in self._buckets}
        found = {uid: _refusal(entry, self._buckets[uid], "The task was stopped") for uid, entry in entries.items()}
        self._refusals = {uid: refusal for uid, refusal in found.items() if refusal is not None}
        wanted = {uid: entry for uid, entry in entries.items() if found[uid] is None}
        changes = {uid: wanted.get(uid) for uid in known | wanted if uid not in data or uid in wanted}
        if {uid: entry for uid, entry in changes.items() if known.get(uid) != entry}:
            await self._sites.here.patch(SECRET, self._here, {"data": changes})
        self._copied = self._steady()


class NotSigned(Exception):
    """The hub has not signed the task's requests yet."""


def _refusal(entry: str, s3: S3, effect: str) -> Refusal | None:
    """`effect`: of the refusal, as a sentence."""
    try:
        server = foreign_server(read_grant(base64.b64decode(entry)), s3)
    except (TransferRefused, ValueError) as error:
        return Refusal("InvalidTransfer", f"{error}. Update fedtrain at the participant")
    if server is None:
        return None
    return Refusal(
        "ForeignStore",
        f"{foreign_words(server)}. {effect}. Ask the hub's administrator to set `storage.s3.endpoint` to the address "
        "that participants reach",
    )
