"""Following all objects of a kind: a list, page by page, a watch from there, and at every resync a list again, because
a watch may miss an event silently.

Not kopf's watches: kopf holds the first list whole, and keeps a worker and a memory for each object.
"""

import asyncio
import logging
import random
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field

from fedtrain.manifests import labels
from fedtrain.manifests.kinds import Json, Kind
from fedtrain_operator.kube.api_error import ApiError
from fedtrain_operator.kube.cache import Cache
from fedtrain_operator.kube.client import Cluster

log = logging.getLogger("fedtrain")

LONGEST_PAUSE_SECONDS = 30.0
_NOT_SERVED = 404
_FORGOTTEN = 410
"""The server no longer has the version from which a watch was to continue."""


@dataclass(frozen=True)
class _Follower:
    cache: Cache
    seen: Callable[[Json], None]

    def pass_on(self, event: Json) -> None:
        try:
            self.seen(event)
        except Exception:  # one malformed object must not hide the others
            log.exception("cannot process an event: %s", event["object"].get("metadata", {}).get("name"))


@dataclass
class _Stream:
    """`listed`: by namespace, whether its objects have been listed. `errors`: the newest error of namespaces that could
    not be followed."""

    followers: list[_Follower] = field(default_factory=list[_Follower])
    listed: dict[str, asyncio.Event] = field(default_factory=lambda: defaultdict(asyncio.Event))
    errors: dict[str, ApiError] = field(default_factory=dict[str, ApiError])

    def pass_on(self, event: Json) -> None:
        for follower in self.followers:
            follower.pass_on(event)


class Streams:
    """`resync`: seconds from one list to the next."""

    def __init__(self, cluster: Cluster, resync: float) -> None:
        self._cluster = cluster
        self._resync = resync
        self._streams: dict[Kind, _Stream] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def follow(self, kind: Kind, cache: Cache, seen: Callable[[Json], None]) -> None:
        """Calls `seen` with every event `{type, object}`, which puts it into `cache`. The type is None in a list. A
        cached object that the list lacks is passed as DELETED. A kind that the API server does not serve yet is tried
        again."""
        self._streams.setdefault(kind, _Stream()).followers.append(_Follower(cache, seen))

    def start(self) -> None:
        for kind, stream in self._streams.items():
            for namespace in self._cluster.namespaces if kind.namespaced else ("",):
                following = self._follow(kind, stream, namespace)
                self._tasks.append(asyncio.create_task(following, name=f"{kind.plural} {namespace}"))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def is_listed(self, kind: Kind, namespace: str) -> bool:
        return self._streams[kind].listed[self._scope(namespace)].is_set()

    async def listed(self, kind: Kind, namespace: str, seconds: float = 5.0) -> None:
        """Waits until the kind was listed in a namespace, if that is served: before that, existing objects may not be
        in the cache. Raises ApiError if it cannot be listed."""
        scope, stream = self._scope(namespace), self._streams[kind]
        if scope not in self._cluster.namespaces:
            return
        try:
            await asyncio.wait_for(stream.listed[scope].wait(), seconds)
        except TimeoutError as error:
            raise stream.errors.get(scope) or ApiError(0, "NotListed", f"{_name(kind)} are not listed yet") from error

    def _scope(self, namespace: str) -> str:
        return "" if self._cluster.serves_all else namespace

    async def _follow(self, kind: Kind, stream: _Stream, namespace: str) -> None:
        pause = 1.0
        while True:
            began = time.monotonic()
            try:
                await self._once(kind, stream, namespace)
                pause = 1.0
                continue
            except ApiError as error:
                if error.code != _FORGOTTEN:
                    known, stream.errors[namespace] = stream.errors.get(namespace), error
                    if str(known) != str(error):  # or each try would say it again
                        log.warning(*_warning(kind, error))
            except asyncio.CancelledError:  # of a session that was closed under it, or of ours
                if (task := asyncio.current_task()) is None or task.cancelling():
                    raise
            except Exception:  # a bug: the next list has what this one missed
                log.exception("cannot follow %s", _name(kind))
            if time.monotonic() - began > LONGEST_PAUSE_SECONDS:
                pause = 1.0
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _once(self, kind: Kind, stream: _Stream, namespace: str) -> None:
        """Lists, and watches from there until the next list is due."""
        version = await self._list(kind, stream, namespace)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._resync * random.uniform(0.8, 1.2)):
                while True:
                    version = await self._watch(kind, stream, namespace, version)
                    await asyncio.sleep(1.0)  # servers end watches now and then, and those of slow clients at once

    async def _list(self, kind: Kind, stream: _Stream, namespace: str) -> str:
        """The version from which a watch continues."""
        missed = [{one["metadata"]["uid"]: one for one in each.cache.within(namespace)} for each in stream.followers]
        version = ""
        async for page in self._cluster.pages(kind, namespace, _selector(kind)):
            version = version or page["metadata"]["resourceVersion"]
            for body in page["items"]:
                for unseen in missed:
                    unseen.pop(body["metadata"]["uid"], None)
                stream.pass_on({"type": None, "object": body})
        for follower, unseen in zip(stream.followers, missed, strict=True):
            for body in unseen.values():
                follower.pass_on({"type": "DELETED", "object": body})
        stream.listed[namespace].set()
        stream.errors.pop(namespace, None)
        return version

    async def _watch(self, kind: Kind, stream: _Stream, namespace: str, version: str) -> str:
        """The version that the watch reached. Raises ApiError."""
        async with aclosing(self._cluster.watch(kind, namespace, _selector(kind), version)) as events:
            async for event in events:
                body = event["object"]
                if event["type"] == "ERROR":
                    raise ApiError(body.get("code", 0), body.get("reason", ""), body.get("message", ""))
                version = body["metadata"]["resourceVersion"]
                stream.pass_on(event)
        return version


def _selector(kind: Kind) -> Mapping[str, str]:
    return labels.OURS if kind.is_ours else {}


def _warning(kind: Kind, error: ApiError) -> tuple[object, ...]:
    if error.code == _NOT_SERVED:
        return "waiting for CustomResourceDefinitions: %s", _name(kind)
    return "cannot follow %s: %s", _name(kind), error


def _name(kind: Kind) -> str:
    return f"{kind.plural}.{kind.group}"
