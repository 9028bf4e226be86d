"""One pass over a Participant: reports the data sets of its policy and, at intervals, a heartbeat."""

import time
from collections.abc import Callable

from fedtrain.api.participant_policy import ParticipantPolicySpec
from fedtrain.manifests.kinds import PARTICIPANT, POLICY, Json, Ref
from fedtrain.manifests.timestamps import instant, seconds_of
from fedtrain_operator.kube.cache import Cache
from fedtrain_operator.kube.loops import Next
from fedtrain_operator.participant.sites import Sites

CHANGED_SECONDS = 5.0


class Records:
    """Reconciles all Participants of this cluster."""

    def __init__(
        self,
        sites: Sites,
        policies: Cache,
        *,
        version: str,
        heartbeat: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.records = Cache()
        self._sites = sites
        self._policies = policies
        self._version = version
        self._heartbeat = heartbeat
        self._clock = clock

    async def reconcile(self, ref: Ref) -> Next:
        body = self.records.get(ref)
        if body is None:
            return Next(forget=True)
        at = Ref(body["spec"]["namespace"], ref.name)
        if not self._sites.hub.serves(at.namespace):  # it may be another operator's
            return Next()
        before, now = body.get("status", {}), self._clock()
        policy = self._policies.get(at)
        if policy is None or _datasets(policy) != before.get("datasets"):  # the watch may be late
            policy = await self._sites.here.get(POLICY, at)
        content = {"datasets": _datasets(policy), "version": self._version}
        if {field: before.get(field) for field in content} != content or self._due(before.get("lastSeen"), now):
            seen = {"lastSeen": instant(now)}
            written = await self._sites.hub.write_status(PARTICIPANT, body, content | seen)
            if written is None:  # the watch will bring the current version
                return Next(CHANGED_SECONDS)
            self.records.put(written)
        return Next()

    def _due(self, last: str | None, now: float) -> bool:
        """Half an interval skips the pass that our own heartbeat wakes."""
        return last is None or now - seconds_of(last) > self._heartbeat / 2


def _datasets(policy: Json | None) -> list[Json]:
    if policy is None:
        return []
    spec = ParticipantPolicySpec.model_validate(policy["spec"])
    return [{"name": name} for name in sorted(dataset.name for dataset in spec.datasets)]
