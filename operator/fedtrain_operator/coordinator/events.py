"""The story of a training as events, told from the difference of two statuses, once the new one is written. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from fedtrain.contracts.records import Grant
from fedtrain.manifests.conditions import find, shortened
from fedtrain.manifests.kinds import TRAINING, Json
from fedtrain.manifests.timestamps import instant

AGAIN = {
    "StoreReachable": "the store can be reached again",
    "Schedulable": "no pod waits for a node any more",
    "Startable": "no pod waits for its image, its volume or a Secret any more",
}
"""Of conditions that hold again: what is told, where it is not just that. Pods may have been stopped."""


@dataclass(frozen=True)
class Told:
    type: Literal["Normal", "Warning"]
    reason: str
    message: str


def story(before: Json, after: Json) -> Iterator[Told]:
    known = {told["round"] for told in before.get("lastRounds", ())}
    newest = max(known, default=-1)
    for told in after.get("lastRounds", ()):
        if told["round"] not in known and told["round"] > newest:
            yield from _round(told)
    moved = after.get("phase") != before.get("phase") or after.get("round") != before.get("round")
    if moved:
        yield _phase(after)
    for condition in after.get("conditions", ()):
        old = find(before.get("conditions", ()), condition["type"]) or {}
        changed = any(old.get(field) != condition[field] for field in ("status", "message"))
        told = moved and condition["message"] and condition["message"] == after.get("message")
        if condition["type"] != "Complete" and changed and not told and (old or condition["status"] == "False"):
            bad = condition["status"] == "False"
            said = condition["message"] or AGAIN.get(condition["type"]) or f"{condition['type']} again"
            yield Told("Warning" if bad else "Normal", condition["reason"], said)


def again(grant: Grant) -> Told:
    """A new attempt, and why the one before ended."""
    who = grant.who if not grant.who.startswith("_") else f"the hub's {grant.who[1:]}"
    said = f"round {grant.round}: {who} tries again (attempt {grant.attempt}): {grant.reason}"
    return Told("Warning", "TriesAgain", shortened(said))


def event(body: Json, told: Told, now: float) -> Json:
    """As the API keeps it, beside the training."""
    metadata, when = body["metadata"], instant(now)
    about = {
        "apiVersion": TRAINING.api_version,
        "kind": TRAINING.name,
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "uid": metadata["uid"],
    }
    return {
        "metadata": {"generateName": f"{metadata['name']}.", "namespace": metadata["namespace"]},
        "involvedObject": about,
        "type": told.type,
        "reason": told.reason,
        "message": told.message,
        "firstTimestamp": when,
        "lastTimestamp": when,
        "count": 1,
        "source": {"component": "fedtrain"},
    }


def _round(told: Json) -> Iterator[Told]:
    for absent in told.get("leftOut", ()):
        yield Told("Warning", "LeftOut", f"round {told['round']} without {absent['participant']}: {absent['reason']}")
    measured = f", {told['metric']}" if "metric" in told else ""
    if told["outcome"] == "Initial":
        yield Told("Normal", "Initialised", f"the first adapter is there{measured}")
        return
    of = f"{told['participants']} updates"
    bad = told["outcome"] != "Committed"
    yield Told("Warning" if bad else "Normal", f"Round{told['outcome']}", f"round {told['round']}: {of}{measured}")


def _phase(after: Json) -> Told:
    where = f"round {after['round']}" if "round" in after else "not begun"
    said = after.get("message", "")
    whole = said if said.startswith(f"{where} ") else f"{where}: {said}" if said else where
    return Told("Warning" if after["phase"] == "Failed" else "Normal", after["phase"], whole)
