"""Appends to the owner's audit log, which is in ConfigMaps of the participant's namespace."""

import asyncio
from collections import OrderedDict

from fedtrain.contracts.audit import (
    AuditEntry,
    AuditFile,
    AuditLine,
    appended,
    entries,
    event_after,
    named_as,
    next_file,
)
from fedtrain.manifests import audit_log as manifests
from fedtrain.manifests.kinds import CONFIG_MAP, Json, Ref
from fedtrain.plurals import several
from fedtrain_operator.kube.api_error import AlreadyExists, ApiError
from fedtrain_operator.kube.client import Cluster

MOST_OBJECTIONS = 200
"""Lines of one day about tasks that were refused or have to wait. Bounds what a hub can write."""
_OBJECTIONS = ("Refused", "Waiting")
_REMEMBERED = 10_000
_TRIES = 5


class AuditLog:
    """The log of one participant. Writes are conditional on the version that was read, so that no line is lost."""

    def __init__(self, cluster: Cluster, namespace: str, who: str) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._who = who
        self._body: Json | None = None
        self._newest: OrderedDict[str, AuditEntry] = OrderedDict()
        self._started: dict[str, AuditEntry] = {}
        """The newest line that says `Started`, by uid."""
        self._objections: tuple[str, int] = ("", 0)
        self._lock = asyncio.Lock()

    async def running(self, task: str, uid: str | None) -> AuditEntry | None:
        """Return the newest entry of the task with this name, if it has started and not ended. `uid`: None for the
        newest task of this name. Raises ApiError."""
        async with self._lock:
            await self._read()
            lines = (one for one in reversed(self._newest.values()) if one.task == task and uid in (None, one.uid))
            newest = next(lines, None)
            return newest if newest is not None and newest.event == "Started" else None

    async def append(self, entry: AuditEntry) -> AuditEntry | None:
        """Write the entry and return it as written; None if it says nothing new. Raises ApiError."""
        async with self._lock:
            body = await self._read()
            new = event_after(self._newest.get(entry.uid), named_as(self._started.get(entry.uid), entry))
            if new is None or (new := self._bounded(new)) is None:
                return None
            for _ in range(_TRIES):
                file = _file_of(body)
                following = next_file(await self._archived(file)) if file.is_complete else appended(file, new)
                version = body["metadata"]["resourceVersion"]
                change = {"metadata": {"resourceVersion": version}, "data": manifests.data_of(following)}
                written = await self._patch(change)
                body = self._body = written or await self._reload()
                if written is not None and following.number == file.number:
                    self._remember(new)
                    return new
            raise ApiError(409, "Conflict", f"ConfigMap {manifests.NAME} changes too often")

    def _bounded(self, entry: AuditEntry) -> AuditEntry | None:
        """The entry, or once a day a line that says that further ones of this kind are left out."""
        if entry.event not in _OBJECTIONS:
            return entry
        day, count = self._objections
        count = count + 1 if day == entry.time[:10] else 1
        self._objections = entry.time[:10], count
        if count <= MOST_OBJECTIONS:
            return entry
        if count > MOST_OBJECTIONS + 1:
            return None
        text = (
            f"{several(MOST_OBJECTIONS, 'task')} were refused or had to wait today. Further ones of today "
            f"are not listed"
        )
        return entry.model_copy(update={"event": "Omitted", "rule": None, "message": text})

    def _remember(self, entry: AuditEntry) -> None:
        self._newest[entry.uid] = entry
        self._newest.move_to_end(entry.uid)
        if entry.event == "Started":
            self._started[entry.uid] = entry
        if len(self._newest) > _REMEMBERED:
            oldest, _ = self._newest.popitem(last=False)
            self._started.pop(oldest, None)

    async def _read(self) -> Json:
        """The current file; it is created if it does not exist. Raises ApiError."""
        if self._body is None:
            body = await self._reload()
            for entry in await self._written(_file_of(body)):
                self._remember(entry)
                if entry.event in _OBJECTIONS:
                    self._bounded(entry)
            self._body = body
        return self._body

    async def _written(self, current: AuditFile) -> list[AuditLine]:
        """The newest lines. Tasks that run may have started in files before the current one; these are read until one
        is missing, because the owner may delete them, or is invalid. Raises ApiError."""
        found = list(entries(current))
        for number in range(current.number - 1, 0, -1):
            if len(found) >= _REMEMBERED:
                break
            body = await self._cluster.get(CONFIG_MAP, Ref(self._namespace, manifests.name_of(number)))
            if body is None:
                break
            try:
                found = [*entries(manifests.file_of(body)), *found]
            except ValueError:
                break
        return found

    async def _reload(self) -> Json:
        """Raises ApiError, also if the file is invalid. It is then not kept, so that the next line reads it again."""
        at = Ref(self._namespace, manifests.NAME)
        body = await self._cluster.get(CONFIG_MAP, at)
        if body is None:
            try:
                first = manifests.current(AuditFile(), self._namespace, self._who)
                body = await self._cluster.create(CONFIG_MAP, first)
            except AlreadyExists:
                body = await self._cluster.get(CONFIG_MAP, at)
                if body is None:
                    raise
        _file_of(body)
        return body

    async def _patch(self, change: Json) -> Json | None:
        """None if the file was changed or deleted meanwhile."""
        try:
            return await self._cluster.patch(CONFIG_MAP, Ref(self._namespace, manifests.NAME), change)
        except ApiError as error:
            if error.code == 409:
                return None
            raise

    async def _archived(self, file: AuditFile) -> AuditFile:
        """Copy a complete file. It gets the next free number if another file has its number, because the owner has
        deleted the current file earlier."""
        while True:
            copy = manifests.archive(file, self._namespace, self._who)
            try:
                await self._cluster.create(CONFIG_MAP, copy)
            except AlreadyExists:
                known = await self._cluster.get(CONFIG_MAP, Ref(self._namespace, copy["metadata"]["name"]))
                if known is not None and _file_of(known) != file:
                    file = AuditFile(file.number + 1, file.text, file.lines, file.previous)
                    continue
            return file


def _file_of(body: Json) -> AuditFile:
    """Raises ApiError if the ConfigMap has been changed into something else: no task starts until that is fixed."""
    try:
        return manifests.file_of(body)
    except ValueError as error:
        raise ApiError(422, "Invalid", f"{error}. Restore it, or delete it to start a new log") from error
