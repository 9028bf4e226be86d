"""Events about tasks in the participant's namespace, and lines in its owner's audit log."""

import logging
from collections.abc import Callable

from fedtrain.contracts.audit import AuditEntry, AuditEvent, SentObject
from fedtrain.manifests import labels
from fedtrain.manifests.conditions import shortened
from fedtrain.manifests.kinds import EVENT, POLICY, Json, Ref
from fedtrain.manifests.timestamps import instant
from fedtrain_operator.kube.api_error import ApiError
from fedtrain_operator.kube.events import Event, manifest
from fedtrain_operator.participant.audit_log import AuditLog
from fedtrain_operator.participant.sites import Sites

log = logging.getLogger("fedtrain")

_WARNINGS: tuple[AuditEvent, ...] = ("Failed", "Stopped", "Waiting", "Refused", "Omitted")


class Journal:
    """A participant with a cluster of its own has an audit log, and an event for each of its lines. In the hub's
    cluster, where the task's status is beside the policy, there are events about what blocks tasks, and no log.
    `hub`: URL of the hub's API server."""

    def __init__(self, sites: Sites, hub: str, clock: Callable[[], float]) -> None:
        self._sites = sites
        self._hub = hub
        self._clock = clock
        self._event_time = 0
        self._log = None
        if sites.is_remote and sites.participant is not None:
            self._log = AuditLog(sites.here, sites.here.namespaces[0], sites.participant)

    @property
    def has_log(self) -> bool:
        return self._log is not None

    async def note(
        self,
        task: Json,
        event: AuditEvent,
        *,
        rule: str | None = None,
        message: str = "",
        dataset: str | None = None,
        sent: tuple[SentObject, ...] | None = None,
    ) -> None:
        """Note an event of a task, once. Raises ApiError if the audit log cannot be written; a lost event is logged."""
        entry = entry_of(task, event, self._hub, instant(self._clock())).model_copy(
            update={"rule": rule, "message": shortened(message) or None, "dataset": dataset, "sent": sent}
        )
        if self._log is None:
            new = _new_here(task, entry)
        else:
            new = await self._log.append(entry)
        if new is not None:
            await self._publish(task, new)

    async def note_gone(self, task: Ref, uid: str | None = None) -> None:
        """Note that the hub has deleted a task that ran. `uid`: if another task has its name now. Raises ApiError."""
        if self._log is None or (entry := await self._log.running(task.name, uid)) is None:
            return
        update = {"time": instant(self._clock()), "event": "Cancelled", "dataset": None}
        if (new := await self._log.append(entry.model_copy(update=update))) is not None:
            await self._publish({"metadata": {"namespace": task.namespace}}, new)

    async def _publish(self, task: Json, entry: AuditEntry) -> None:
        who = self._sites.participant or (task["metadata"].get("labels") or {}).get(labels.PARTICIPANT, "")
        about = self._sites.here_of(Ref(task["metadata"]["namespace"], who))
        self._event_time = max(self._event_time + 1000, int(self._clock() * 1e6) * 1000)
        body = {"metadata": {"name": about.name, "namespace": about.namespace}}
        try:
            created = manifest(POLICY, body, event_of(entry), self._event_time, "participant")
            await self._sites.here.create(EVENT, created)
        except ApiError as error:
            log.warning("an event could not be written: %s", error, extra={"task": entry.task})


def entry_of(task: Json, event: AuditEvent, hub: str, time: str) -> AuditEntry:
    """Return an entry from the labels of a TrainingTask. Pure."""
    metadata = task["metadata"]
    marks: dict[str, str] = metadata.get("labels") or {}
    return AuditEntry(
        time=time,
        event=event,
        hub=hub,
        namespace=marks.get(labels.TRAINING_NAMESPACE, ""),
        training=marks.get(labels.TRAINING, ""),
        run=marks.get(labels.RUN, ""),
        task=metadata["name"],
        uid=metadata["uid"],
        work=marks.get(labels.KIND, ""),
        round=labels.round_of(task),
        attempt=_number(marks.get(labels.ATTEMPT, "")),
    )


def event_of(entry: AuditEntry) -> Event:
    """Return the event of a line. Pure."""
    match entry.event:
        case "Started":
            text = f"started on data set {entry.dataset}"
        case "Finished" if entry.sent is None:
            text = "finished; the objects that it sent are unknown, because its pods no longer exist"
        case "Finished":
            objects = ", ".join(f"{one.name} ({one.bytes:,} bytes)" for one in entry.sent or ())
            text = f"finished; sent {objects or 'nothing'}"
        case "Cancelled":
            text = "stopped by the hub"
        case "Refused" if entry.rule is not None:
            text = f"{entry.message}. A change of the policy applies to the next task"
        case _:
            text = entry.message or entry.event
    subject = f"{entry.work} of {entry.namespace}/{entry.training}, round {entry.round}, attempt {entry.attempt}"
    return Event("Warning" if entry.event in _WARNINGS else "Normal", f"Task{entry.event}", f"{subject}: {text}")


def _new_here(task: Json, entry: AuditEntry) -> AuditEntry | None:
    """The entry if it blocks the task and its status does not say so yet. Pure."""
    status = task.get("status", {})
    if entry.event not in _WARNINGS or entry.message == (status.get("message") or None):
        return None
    stopped = status.get("phase") == "Running" and entry.event in ("Waiting", "Refused")
    return entry.model_copy(update={"event": "Stopped"}) if stopped else entry


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0
