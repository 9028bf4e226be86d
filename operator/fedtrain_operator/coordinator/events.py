"""Events about a training, from the difference of two statuses once the new one is written. Pure."""

from collections.abc import Callable, Iterator, Mapping

from fedtrain.contracts.records import AbsenceCode, Grant
from fedtrain.manifests.conditions import find, shortened
from fedtrain.manifests.kinds import Json
from fedtrain.plurals import form
from fedtrain.rounds.decision import TERMINAL
from fedtrain.rounds.reason_text import after_name
from fedtrain_operator.coordinator.heartbeat import CHECK
from fedtrain_operator.coordinator.progress import INTERNAL_ERROR
from fedtrain_operator.kube.events import Event

RECOVERED = {
    "StoreReachable": "the store can be reached again",
    "Schedulable": "no pod waits for a node any more",
    "Startable": "no pod waits for its image, its volume or a Secret any more",
    "TasksAccepted": "the API server refuses no task any more",
}
"""Messages for conditions that are True again. Where a pod or a task was stopped, it did not get what it waited for."""
_REPORTED_ELSEWHERE = ("Complete", "Progressing")
"""The phase's event, or that of the condition that blocks, says the same; but see `NO_PROGRESS`."""
_ASKED_AGAIN: Mapping[AbsenceCode | None, str] = {
    None: "It is asked again in the next round",
    "Silent": CHECK,
    "TasksRefused": "It takes part again once tasks can be created there",
}
"""When a participant is asked again. No later round asks those with other codes."""
NO_PROGRESS = ("NoProgress", INTERNAL_ERROR)


def changes(before: Json, after: Json, allows: Callable[[str], bool] = lambda _: True) -> Iterator[Event]:
    """What a user should know of the change from one status to the next: rounds that ended, then conditions that
    block or have recovered, then the phase. `allows`: whether one more event of a condition may be written."""
    known = {one["round"] for one in before.get("lastRounds", ())}
    newest = max(known, default=-1)
    for one in after.get("lastRounds", ()):
        if one["round"] not in known and one["round"] > newest:
            yield from _round(one, after.get("phase") not in TERMINAL)
    conditions = [
        event
        for one in after.get("conditions", ())
        if (event := _condition(before, one)) is not None and allows(one["type"])
    ]
    yield from conditions
    if after.get("phase") != before.get("phase") or after.get("round") != before.get("round"):
        yield _phase(after, {event.message for event in conditions})


def retry(grant: Grant) -> Event:
    """A new attempt, and why the previous one ended."""
    who = grant.who if not grant.who.startswith("_") else f"the hub's {grant.who[1:]}"
    message = f"round {grant.round}: {who} tries again (attempt {grant.attempt}): {grant.reason}"
    return Event("Warning", "TriesAgain", shortened(message))


def _round(one: Json, continues: bool) -> Iterator[Event]:
    """`continues`: whether another round follows."""
    for absent in one.get("leftOut", ()):
        yield Event("Warning", "LeftOut", _left_out(one, absent, continues))
    measured = f", {one['metric']}" if "metric" in one else f", rolled back: {one['reason']}" if "reason" in one else ""
    if one["outcome"] == "Initial":
        yield Event("Normal", "Initialised", f"the initial adapter is ready{measured}")
        return
    total = one["participants"].rpartition("/")[2]
    message = f"round {one['round']}: {one['participants']} {form(int(total), 'update', 'updates')}{measured}"
    yield Event("Normal" if one["outcome"] == "Committed" else "Warning", f"Round{one['outcome']}", message)


def _left_out(one: Json, absent: Json, continues: bool) -> str:
    who, reason = absent["participant"], absent["reason"]
    share = f" ({absent['rowShare']} of all participants' rows)" if "rowShare" in absent else ""
    ended = "was aggregated without" if one["outcome"] != "Skipped" else "was skipped: no update from"
    text = f"round {one['round']} {ended} {who}{share}: {after_name(who, reason)}"
    again = _ASKED_AGAIN.get(absent.get("code")) if continues else None
    return f"{text}. {again}" if again else text


def _condition(before: Json, after: Json) -> Event | None:
    """A condition that has become False or says so in other words is a Warning."""
    name, bad = after["type"], after["status"] == "False"
    if name in _REPORTED_ELSEWHERE and after["reason"] not in NO_PROGRESS:
        return None
    old = find(before.get("conditions", ()), name) or {}
    if all(old.get(field) == after[field] for field in ("status", "message")) or not (old or bad):
        return None
    message = after["message"] or RECOVERED.get(name) or f"{name} again"
    return Event("Warning" if bad else "Normal", after["reason"], message)


def _phase(after: Json, reported: set[str]) -> Event:
    """`reported`: messages of other events, which are not repeated."""
    where = f"round {after['round']}" if "round" in after else "not begun"
    message = after.get("message", "")
    if message in reported:
        message = ""
    whole = message if message.startswith(f"{where} ") else f"{where}: {message}" if message else where
    return Event("Warning" if after["phase"] == "Failed" else "Normal", after["phase"], whole)
