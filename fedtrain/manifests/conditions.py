"""Conditions of a status: the condition to report, merging it into the present ones, and looking one up."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from fedtrain.manifests.kinds import Json
from fedtrain.manifests.timestamps import instant

LONGEST_MESSAGE = 1000


@dataclass(frozen=True)
class Condition:
    """A condition to report now. `merged` adds its time: when `status` changed last."""

    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str = ""


def merged(before: Iterable[Json], current: Iterable[Condition], generation: int, now: float) -> list[Json]:
    """The conditions `before` with the `current` ones in place of those of their types, sorted by type."""
    known = {condition["type"]: condition for condition in before}
    for one in current:
        old = known.get(one.type, {})
        changed = old.get("status") != one.status
        known[one.type] = {
            "type": one.type,
            "status": one.status,
            "reason": one.reason,
            "message": shortened(one.message),
            "lastTransitionTime": instant(now) if changed else old["lastTransitionTime"],
            "observedGeneration": generation,
        }
    return [known[name] for name in sorted(known)]


def holds(conditions: Iterable[Json], type: str) -> bool:
    return any(condition["type"] == type and condition["status"] == "True" for condition in conditions)


def find(conditions: Iterable[Json], type: str) -> Json | None:
    return next((condition for condition in conditions if condition["type"] == type), None)


def shortened(message: str, longest: int = LONGEST_MESSAGE) -> str:
    return message if len(message) <= longest else message[: longest - 1] + "…"
