"""Events as the Kubernetes API has them. Pure."""

from dataclasses import dataclass
from typing import Literal

from fedtrain.manifests.kinds import Json, Kind
from fedtrain.manifests.timestamps import instant, precise_instant

_LONGEST_BYTES = 1024
"""The API server's limit for the message of an event."""


@dataclass(frozen=True)
class Event:
    type: Literal["Normal", "Warning"]
    reason: str
    message: str


def manifest(kind: Kind, body: Json, event: Event, nanoseconds: int, controller: str) -> Json:
    """Return the event about an object, in its namespace. `body`: its metadata are read. `nanoseconds` since 1970:
    later events get greater names, so that events of one second keep their order."""
    metadata, when = body["metadata"], instant(nanoseconds / 1e9)
    about = {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        **({"uid": metadata["uid"]} if "uid" in metadata else {}),
    }
    return {
        "metadata": {"name": f"{metadata['name']}.{nanoseconds:016x}", "namespace": metadata["namespace"]},
        "involvedObject": about,
        "type": event.type,
        "reason": event.reason,
        "action": event.reason,
        "message": _fitting(event.message),
        "eventTime": precise_instant(nanoseconds),
        "firstTimestamp": when,
        "lastTimestamp": when,
        "count": 1,
        "source": {"component": "fedtrain"},
        "reportingComponent": f"fedtrain.dev/{controller}",
        "reportingInstance": "fedtrain",
    }


def _fitting(message: str) -> str:
    """Its first bytes, as many as an event takes."""
    encoded = message.encode()
    return message if len(encoded) <= _LONGEST_BYTES else encoded[: _LONGEST_BYTES - 3].decode(errors="ignore") + "…"
