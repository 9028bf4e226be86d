"""Following all objects of a kind that are ours: a list, page by page, then a watch, and after a while a list again,
since a watch may miss something and not say so.

For the kinds of which there are many. kopf's watches, which bring the others, hold the first list as a whole, and keep
a worker and a memory for each object of it.
"""

import asyncio
import logging
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field

from fedtrain.manifests import labels
from fedtrain.manifests.kinds import Json, Kind
from fedtrain_operator.kube.cache import Cache
from fedtrain_operator.kube.client import ApiError, Cluster

log = logging.getLogger("fedtrain")

LONGEST_PAUSE_SECONDS = 30.0
_FORGOTTEN = 410
"""The server no longer knows the version that a watch was to go on from."""


@dataclass(frozen=True)
class _Follower:
    cache: Cache
    seen: Callable[[Json], None]

    def tell(self, event: Json) -> None:
        try:
            self.seen(event)
        except Exception:  # one object that can't be read must not hide the others
            log.exception("an event can't be read: %s", event["object"].get("metadata", {}).get("name"))


@dataclass
class _Stream:
    """`listed`: by namespace, whether its objects have been listed."""

    followers: list[_Follower] = field(default_factory=list[_Follower])
    listed: dict[str, asyncio.Event] = field(default_factory=lambda: defaultdict(asyncio.Event))

    def tell(self, event: Json) -> None:
        for follower in self.followers:
            follower.tell(event)


class Streams:
    """`resync`: seconds from one list to the next."""

    def __init__(self, cluster: Cluster, resync: float) -> None:
        self._cluster = cluster
        self._resync = resync
        self._streams: dict[Kind, _Stream] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def follow(self, kind: Kind, cache: Cache, seen: Callable[[Json], None]) -> None:
        """Calls `seen` with every event `{type, object}`, which puts it into `cache`. The type is None in a list, as
        kopf has it; what is in the cache and in no list is told as DELETED."""
        self._streams.setdefault(kind, _Stream()).followers.append(_Follower(cache, seen))

    def start(self) -> None:
        for kind, stream in self._streams.items():
            for namespace in self._cluster.namespaces:
                following = self._follow(kind, stream, namespace)
                self._tasks.append(asyncio.create_task(following, name=f"{kind.plural} {namespace}"))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def listed(self, kinds: Iterable[Kind], namespaces: Iterable[str], seconds: float = 5.0) -> None:
        """Waits until the kinds were listed in these namespaces, those of them that are served: before that, what is
        not in a cache may yet be there. Raises ApiError when they can't be."""
        served = self._cluster.namespaces
        where = served if served == ("",) else [one for one in namespaces if one in served]
        for kind in kinds:
            for namespace in where:
                try:
                    await asyncio.wait_for(self._streams[kind].listed[namespace].wait(), seconds)
                except TimeoutError as error:
                    at = f" in namespace {namespace}" if namespace else ""
                    raise ApiError(0, "NotListed", f"{_name(kind)} could not be listed{at} yet") from error

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
                    log.warning("%s can't be followed: %s", _name(kind), error)
            except asyncio.CancelledError:  # of a session that was closed under it, or of ours
                if (task := asyncio.current_task()) is None or task.cancelling():
                    raise
            except Exception:  # a mistake of ours: what it left out is in the next list
                log.exception("%s can't be followed", _name(kind))
            if time.monotonic() - began > LONGEST_PAUSE_SECONDS:
                pause = 1.0
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _once(self, kind: Kind, stream: _Stream, namespace: str) -> None:
        """A list, and the watch that goes on from there, again and again, until it is time for a list."""
        version = await self._list(kind, stream, namespace)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._resync * random.uniform(0.8, 1.2)):
                while True:
                    version = await self._watch(kind, stream, namespace, version)
                    await asyncio.sleep(1.0)  # servers end watches now and then, and those of slow clients at once

    async def _list(self, kind: Kind, stream: _Stream, namespace: str) -> str:
        """The version that a watch goes on from."""
        missed = [{one["metadata"]["uid"]: one for one in each.cache.within(namespace)} for each in stream.followers]
        version = ""
        async for page in self._cluster.pages(kind, namespace, labels.OURS):
            version = version or page["metadata"]["resourceVersion"]
            for body in page["items"]:
                for unseen in missed:
                    unseen.pop(body["metadata"]["uid"], None)
                stream.tell({"type": None, "object": body})
        for follower, unseen in zip(stream.followers, missed, strict=True):
            for body in unseen.values():
                follower.tell({"type": "DELETED", "object": body})
        stream.listed[namespace].set()
        return version

    async def _watch(self, kind: Kind, stream: _Stream, namespace: str, version: str) -> str:
        """The version that it came to. Raises ApiError."""
        async with aclosing(self._cluster.watch(kind, namespace, labels.OURS, version)) as events:
            async for event in events:
                body = event["object"]
                if event["type"] == "ERROR":
                    raise ApiError(body.get("code", 0), body.get("reason", ""), body.get("message", ""))
                version = body["metadata"]["resourceVersion"]
                stream.tell(event)
        return version


def _name(kind: Kind) -> str:
    return f"{kind.plural}.{kind.group}"
