"""Following all objects of a kind that are ours: a list, page by page, then a watch, and after a while a list again,
since a watch may miss something and not say so.

For the kinds of which there are many. kopf's watches, which bring the others, hold the first list as a whole, and keep
a worker and a memory for each object of it.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field

from fedtrain_operator.shared import labels
from fedtrain_operator.shared.cache import Cache
from fedtrain_operator.shared.cluster import ApiError, Cluster
from fedtrain_operator.shared.kinds import Json, Kind

log = logging.getLogger("fedtrain")

LONGEST_PAUSE_SECONDS = 30.0


@dataclass(frozen=True)
class _Follower:
    cache: Cache
    seen: Callable[[Json], None]


@dataclass
class _Stream:
    followers: list[_Follower] = field(default_factory=list[_Follower])
    listed: set[str] = field(default_factory=set[str])
    """The namespaces whose objects have been listed."""
    whole: asyncio.Event = field(default_factory=asyncio.Event)


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

    async def whole(self, kind: Kind) -> None:
        """Waits until the kind was listed: before that, what is not in a cache may yet be there."""
        await self._streams[kind].whole.wait()

    async def _follow(self, kind: Kind, stream: _Stream, namespace: str) -> None:
        pause = 1.0
        while True:
            try:
                version = await self._list(kind, stream, namespace)
                pause = 1.0
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._resync * random.uniform(0.8, 1.2)):
                        await self._watch(kind, stream, namespace, version)
                        await asyncio.sleep(pause)  # the server has ended it, or forgotten where it was
            except ApiError as error:
                log.warning("%s can't be followed: %s", f"{kind.plural}.{kind.group}", error)
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            except Exception:  # a mistake of ours: what it left out is in the next list
                log.exception("%s can't be followed", f"{kind.plural}.{kind.group}")
                await asyncio.sleep(LONGEST_PAUSE_SECONDS)

    async def _list(self, kind: Kind, stream: _Stream, namespace: str) -> str:
        """The version that a watch goes on from."""
        missed = [{one["metadata"]["uid"]: one for one in each.cache.within(namespace)} for each in stream.followers]
        version = ""
        async for page in self._cluster.pages(kind, namespace, labels.OURS):
            version = version or page["metadata"]["resourceVersion"]
            for body in page["items"]:
                for follower, unseen in zip(stream.followers, missed, strict=True):
                    unseen.pop(body["metadata"]["uid"], None)
                    follower.seen({"type": None, "object": body})
        for follower, unseen in zip(stream.followers, missed, strict=True):
            for body in unseen.values():
                follower.seen({"type": "DELETED", "object": body})
        stream.listed.add(namespace)
        if stream.listed == {*self._cluster.namespaces}:
            stream.whole.set()
        return version

    async def _watch(self, kind: Kind, stream: _Stream, namespace: str, version: str) -> None:
        async with aclosing(self._cluster.watch(kind, namespace, labels.OURS, version)) as events:
            async for event in events:
                if event["type"] == "ERROR":
                    return
                for follower in stream.followers:
                    follower.seen(event)
