"""One pass over a Participant: reports its heartbeat and the data sets of its policy to the hub."""

import random
import time
from collections.abc import Callable

from fedtrain.manifests import labels
from fedtrain.manifests.conditions import shortened
from fedtrain.manifests.kinds import PARTICIPANT, POLICY, Json, Ref, ref
from fedtrain.manifests.timestamps import instant, seconds_of
from fedtrain_operator.kube.cache import Cache
from fedtrain_operator.kube.loops import Next
from fedtrain_operator.participant.jobs import Jobs, Load
from fedtrain_operator.participant.sites import Sites

CHANGED_SECONDS = 5.0
"""Until the watch brings the current version of a Participant that could not be found."""
_EARLIEST = 0.8
"""Share of the interval after which the next heartbeat is sent, at the earliest. Spreads those of many participants."""
_SHOWN = 3
"""Names of data sets in a line of `kubectl get`."""
_LONGEST = 128
"""Characters of these names."""
_LISTED = 100
"""Names of running tasks."""


class Records:
    """Reconciles the Participants that this operator serves: those of the hub's cluster, which the watch puts into
    `records`; or the only one whose hub is another cluster."""

    def __init__(
        self,
        sites: Sites,
        policies: Cache,
        jobs: Jobs,
        *,
        version: str,
        heartbeat: float,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._steady = steady
        self.accepted_at = steady()
        """When the hub accepted the last heartbeat, on the steady clock."""
        self.records = Cache()
        self._sent: dict[Ref, Json] = {}
        """The newest report. A hub with an older version drops fields that it does not know."""
        self._sites = sites
        self._policies = policies
        self._jobs = jobs
        self._version = version
        self._heartbeat = heartbeat
        self._only = sites.participant
        self._clock = clock

    def of_namespace(self, namespace: str) -> list[Ref]:
        """The Participants whose policies are in a namespace of this cluster."""
        if self._only is not None:
            return [Ref("", self._only)]
        return [ref(record) for record in self.records.all() if record["spec"]["namespace"] == namespace]

    async def reconcile(self, participant: Ref) -> Next:
        """Raises ApiError; a heartbeat that did not arrive is then sent again."""
        body = self.records.get(participant)
        if body is None and participant.name != self._only:
            return Next(forget=True)
        at = self._home(participant, body)
        if at is None:
            return Next()
        before, now = (body or {}).get("status", {}), self._clock()
        policy = self._policies.get(at)
        if policy is None or _datasets(policy) != before.get("datasets"):  # the watch may be late
            policy = await self._sites.here.get(POLICY, at)
        load = self._jobs.load(at.namespace, at.name)
        content = report(policy, load) | {"version": self._version, "heartbeatSeconds": round(self._heartbeat)}
        changed = {field: before.get(field) for field in content} != content and self._sent.get(participant) != content
        age = self._age(before.get("lastSeen"), now)
        if not changed and age is not None:
            return Next(self._heartbeat * random.uniform(_EARLIEST, 1.0) - age)
        beat = content | {"lastSeen": instant(now)}
        written = await self._sites.hub.merge_status(PARTICIPANT, participant, beat)
        if written is None:
            return Next(CHANGED_SECONDS)
        self._sent[participant] = content
        self.records.put(written)
        self.accepted_at = self._steady()
        return Next()

    def _home(self, participant: Ref, body: Json | None) -> Ref | None:
        """The policy of the participant; None if another operator serves it."""
        if participant.name == self._only:
            return Ref(self._sites.here.namespaces[0], participant.name)
        assert body is not None
        namespace = body["spec"]["namespace"]
        served = self._sites.hub.serves(namespace) and not labels.has_own_cluster(body)
        return Ref(namespace, participant.name) if served else None

    def _age(self, last: str | None, now: float) -> float | None:
        """Seconds since the last heartbeat; None if the next one is due. Half an interval skips the pass that our own
        heartbeat wakes. After a step of the clock it is due, too."""
        if last is None or not 0 <= (age := now - seconds_of(last)) <= self._heartbeat / 2:
            return None
        return age


def report(policy: Json | None, load: Load) -> Json:
    """The part of the status that policy and jobs determine. None removes a field. Pure."""
    names = [_shown(one) for one in _datasets(policy)]
    more = [f"+{len(names) - _SHOWN}"] if len(names) > _SHOWN else []
    return {
        "datasets": _datasets(policy),
        "datasetNames": shortened(", ".join([*names[:_SHOWN], *more]), _LONGEST) or None,
        "gpus": _gpus(policy, load),
        "running": len(load.tasks),
        "runningTasks": list(load.tasks[:_LISTED]) or None,
    }


def _gpus(policy: Json | None, load: Load) -> Json | None:
    limits = (policy or {"spec": {}})["spec"].get("limits", {})
    if "gpus" not in limits:
        return None
    stated = {"model": limits.get("gpuModel"), "memory": limits.get("gpuMemory")}
    known = {name: value for name, value in stated.items() if value is not None}
    return {"offered": limits["gpus"], "free": max(limits["gpus"] - load.gpus, 0), **known}


def _datasets(policy: Json | None) -> list[Json]:
    datasets = policy["spec"].get("datasets", ()) if policy else ()
    reported = [{name: one[name] for name in ("name", "samples") if name in one} for one in datasets]
    return sorted(reported, key=lambda one: one["name"])


def _shown(dataset: Json) -> str:
    return f"{dataset['name']} ({dataset['samples']})" if "samples" in dataset else dataset["name"]
