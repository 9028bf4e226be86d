"""What the watches have brought, by name and by whose it is.

Not kopf's index: its start is quadratic in the number of objects. Answers of our own writes enter here too, so that the
next decision sees them before the watch brings them.
"""

from collections import OrderedDict
from collections.abc import Callable

from fedtrain.manifests.kinds import Json, Ref, ref

_TOLD = ("name", "namespace", "uid", "resourceVersion", "generation", "labels", "annotations", "deletionTimestamp")
_REMEMBERED = 10_000
"""Deleted objects that are not taken in again when an old answer arrives late."""


def without_managed_fields(body: Json) -> Json:
    """Who wrote which field is half of many an object, and nobody here asks."""
    metadata = {name: value for name, value in body["metadata"].items() if name != "managedFields"}
    return {**body, "metadata": metadata}


def told(body: Json) -> Json:
    """Whose it is and how it stands, without its spec: of an object that we have ordered ourselves."""
    metadata = {name: body["metadata"][name] for name in _TOLD if name in body["metadata"]}
    return {"metadata": metadata, "status": body.get("status", {})}


def told_of_task(task: Json) -> Json:
    """How it stands and whether it is still wanted, without what it is to do: ten thousand of them are big."""
    return told(task) | {"spec": {"desiredState": task["spec"].get("desiredState", "Run")}}


class Cache:
    """Objects of one kind. `owner` says whose an object is, `seen` what of it is kept."""

    def __init__(
        self,
        owner: Callable[[Json], Ref | None] = lambda _: None,
        seen: Callable[[Json], Json] = without_managed_fields,
    ) -> None:
        self._owner = owner
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
        """Unless a newer version is here, or the object is known to be gone since then."""
        name, uid = ref(body), body["metadata"]["uid"]
        known = self._objects.get(name)
        if self._gone.get(uid, -1) >= _version(body) or (known is not None and _version(known) > _version(body)):
            return
        self._objects[name] = self._seen(body)
        if (owner := self._owner(body)) is not None:
            self._children.setdefault(owner, set()).add(name)

    def drop(self, body: Json) -> None:
        """The object is gone."""
        name, uid = ref(body), body["metadata"]["uid"]
        self._gone[uid] = _version(body)
        if len(self._gone) > _REMEMBERED:
            self._gone.popitem(last=False)
        known = self._objects.get(name)
        if known is not None and known["metadata"]["uid"] == uid:
            self._remove(name, known)

    def within(self, namespace: str) -> list[Json]:
        """The objects of a namespace; "" is all of them."""
        return [body for name, body in self._objects.items() if namespace in ("", name.namespace)]

    def _remove(self, name: Ref, known: Json) -> None:
        del self._objects[name]
        if (owner := self._owner(known)) is not None:
            self._children[owner].discard(name)
            if not self._children[owner]:
                del self._children[owner]


def _version(body: Json) -> int:
    """Versions are opaque by contract, and numbers of one counter in every API server there is."""
    version = body["metadata"].get("resourceVersion", "0")
    return int(version) if version.isdigit() else 0
