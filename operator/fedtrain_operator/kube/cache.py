"""Cached objects of one kind, by name and by owner.

Not kopf's index: its start is quadratic in the number of objects. Answers to our own writes enter here too, so that the
next decision sees them before the watch brings them.
"""

from collections import OrderedDict
from collections.abc import Callable

from fedtrain.manifests.kinds import Json, Ref, ref

_SUMMARY = ("name", "namespace", "uid", "resourceVersion", "generation", "labels", "annotations", "deletionTimestamp")
_REMEMBERED = 10_000
"""Deleted objects that are remembered, so that an old answer that arrives late does not restore them."""


def without_managed_fields(body: Json) -> Json:
    """`managedFields` is half of many objects, and is never read."""
    metadata = {name: value for name, value in body["metadata"].items() if name != "managedFields"}
    return {**body, "metadata": metadata}


def summary(body: Json) -> Json:
    """Metadata and status of an object whose spec is ours."""
    metadata = {name: body["metadata"][name] for name in _SUMMARY if name in body["metadata"]}
    return {"metadata": metadata, "status": body.get("status", {})}


def summary_of_task(task: Json) -> Json:
    """Metadata, status and desired state of a TrainingTask. Ten thousand whole ones would take much memory."""
    return summary(task) | {"spec": {"desiredState": task["spec"].get("desiredState", "Run")}}


class Cache:
    """Objects of one kind. `owner` returns the object that owns one, `seen` the part that is kept."""

    def __init__(
        self,
        owner: Callable[[Json], Ref | None] = lambda _: None,
        seen: Callable[[Json], Json] = without_managed_fields,
    ) -> None:
        self.owner = owner
        self._seen = seen
        self._objects: dict[Ref, Json] = {}
        self._children: dict[Ref, set[Ref]] = {}
        self._gone: OrderedDict[str, int] = OrderedDict()

    def get(self, name: Ref) -> Json | None:
        return self._objects.get(name)

    def all(self) -> list[Json]:
        return list(self._objects.values())

    def of(self, owner: Ref) -> list[Json]:
        """The objects of `owner`, sorted by name."""
        return [self._objects[name] for name in sorted(self._children.get(owner, ()))]

    def put(self, body: Json) -> None:
        """Stores an object, unless a newer version is stored or its deletion is known."""
        name, uid = ref(body), body["metadata"]["uid"]
        known = self._objects.get(name)
        if self._gone.get(uid, -1) >= _version(body) or (known is not None and _version(known) > _version(body)):
            return
        if known is not None:  # its labels may have changed
            self._disown(name, known)
        self._objects[name] = self._seen(body)
        if (owner := self.owner(body)) is not None:
            self._children.setdefault(owner, set()).add(name)

    def drop(self, body: Json) -> None:
        """Removes a deleted object."""
        name, uid = ref(body), body["metadata"]["uid"]
        self._gone[uid] = _version(body)
        if len(self._gone) > _REMEMBERED:
            self._gone.popitem(last=False)
        known = self._objects.get(name)
        if known is not None and known["metadata"]["uid"] == uid:
            del self._objects[name]
            self._disown(name, known)

    def within(self, namespace: str) -> list[Json]:
        """The objects of a namespace; "" is all of them."""
        return [body for name, body in self._objects.items() if namespace in ("", name.namespace)]

    def _disown(self, name: Ref, known: Json) -> None:
        if (owner := self.owner(known)) is not None:
            self._children[owner].discard(name)
            if not self._children[owner]:
                del self._children[owner]


def _version(body: Json) -> int:
    """Versions are opaque by contract, but numbers of one counter in every API server."""
    version = body["metadata"].get("resourceVersion", "0")
    return int(version) if version.isdigit() else 0


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
