"""Reading anew, now and then, what the watches bring: they may have missed something, or not have brought all of it."""

import asyncio
from collections.abc import Mapping

from fedtrain_operator.shared import labels
from fedtrain_operator.shared.cache import Cache
from fedtrain_operator.shared.cluster import Cluster
from fedtrain_operator.shared.kinds import Kind


class Lists:
    """Of fedtrain's objects of some kinds, each with the cache that its watch feeds."""

    def __init__(self, cluster: Cluster, caches: Mapping[Kind, Cache]) -> None:
        self._cluster = cluster
        self._caches = caches
        self._read: float | None = None
        self._reading = asyncio.Lock()

    async def read(self, now: float, young: float) -> None:
        """Unless they have been read in the last `young` seconds, or are being read: a list for each of a thousand
        objects would go over all of them as often."""
        if self._read is not None and (now - self._read < young or self._reading.locked()):
            return
        async with self._reading:
            if self._read is None or now - self._read >= young:
                for kind, cache in self._caches.items():
                    await self._list(kind, cache)
                self._read = now

    async def _list(self, kind: Kind, cache: Cache) -> None:
        missed = cache.uids()
        async for page in self._cluster.pages(kind, labels.OURS):
            for body in page:
                cache.put(body)
                missed.discard(body["metadata"]["uid"])
        cache.forget(missed)
