"""Trainings that wait for the owner's approval, in the status of the ParticipantPolicy."""

from collections.abc import Collection, Sequence

from fedtrain.api.participant_policy import PendingApproval
from fedtrain.manifests.kinds import POLICY, Json, Ref, ref
from fedtrain_operator.kube.cache import Cache
from fedtrain_operator.kube.client import Cluster

_LONGEST = 100


def listed(policy: Json) -> list[Json]:
    """Return the trainings that a policy's status lists as waiting."""
    return policy.get("status", {}).get("pendingApprovals") or []


def pending_after(before: Sequence[Json], settled: Collection[str], new: PendingApproval | None) -> list[Json]:
    """Return the waiting trainings with a new one, without those with `settled` digests; the newest last. Pure."""
    kept = [one for one in before if one["digest"] not in settled]
    if new is None or any(one["digest"] == new.digest for one in kept):
        return kept
    return [*kept, new.model_dump(mode="json", by_alias=True)][-_LONGEST:]


def still_asked_for(before: Sequence[Json], trainings: Collection[Ref]) -> list[Json]:
    """Return the waiting trainings that are among those that have unfinished tasks. Pure."""
    return [one for one in before if Ref(one["namespace"], one["name"]) in trainings]


async def write(cluster: Cluster, policies: Cache, policy: Json, after: Sequence[Json]) -> None:
    """Write the policy's status if it changes. Raises ApiError."""
    if list(after) == listed(policy):
        return
    written = await cluster.merge_status(POLICY, ref(policy), {"pendingApprovals": list(after)})
    if written is not None:
        policies.put(written)
