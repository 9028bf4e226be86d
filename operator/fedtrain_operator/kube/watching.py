"""Watching a kind with kopf, and putting its events into a cache."""

from collections.abc import Callable
from typing import Any

import kopf

from fedtrain.manifests.kinds import Json, Kind, Ref, ref
from fedtrain_operator.kube.cache import Cache


class NoDifferences(kopf.DiffBaseStorage):
    """kopf copies every object whole to compare it with the next version, for handlers of differences. There are none
    here."""

    def build(self, *, body: kopf.Body, extra_fields: object = None) -> kopf.BodyEssence:
        return kopf.BodyEssence({})

    def fetch(self, *, body: kopf.Body) -> None:
        return None

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        pass


def watch(registry: kopf.OperatorRegistry, kind: Kind, seen: Callable[[Any], None]) -> None:
    """Calls `seen` with every event of the kind: `{type, object}`."""

    async def handler(*, event: Any, **_: Any) -> None:
        seen({"type": event["type"], "object": dict(event["object"])})

    name = f"{kind.plural}-{seen.__qualname__}"
    kopf.on.event(kind.group, kind.version, kind.plural, id=name, registry=registry)(handler)


def is_new(cache: Cache, event: Json) -> bool:
    """Whether the cache lacks this version of the object, which a list or the answer to our own write may have
    brought."""
    body = event["object"]
    known = cache.get(ref(body))
    same = known is not None and known["metadata"].get("resourceVersion") == body["metadata"].get("resourceVersion")
    return event["type"] == "DELETED" or not same


def take(cache: Cache, event: Json) -> Ref:
    """Puts the event into the cache and returns the object's name."""
    body = event["object"]
    if event["type"] == "DELETED":
        cache.drop(body)
    else:
        cache.put(body)
    return ref(body)
