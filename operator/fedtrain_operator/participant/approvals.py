"""Trainings that wait for the owner's approval, in the status of the ParticipantPolicy."""

from collections.abc import Sequence

from fedtrain.api.participant_policy import ParticipantPolicySpec, PendingApproval
from fedtrain.manifests.kinds import POLICY, Json, ref
from fedtrain_operator.kube.cache import Cache
from fedtrain_operator.kube.client import Cluster

_LONGEST = 100


def pending_after(before: Sequence[Json], approved: Sequence[str], new: PendingApproval) -> list[Json]:
    """Return the waiting trainings with a new one, without the approved ones; the newest last. Pure."""
    added = new.model_dump(mode="json", by_alias=True)
    known = [one for one in before if one["digest"] not in (*approved, added["digest"])]
    return [*known, added][-_LONGEST:]


async def note(
    cluster: Cluster, policies: Cache, body: Json, spec: ParticipantPolicySpec, new: PendingApproval
) -> None:
    """Write the policy's status unless it lists the training. Raises ApiError."""
    before: list[Json] = body.get("status", {}).get("pendingApprovals") or []
    if any(one["digest"] == new.digest for one in before):
        return
    after = pending_after(before, spec.approved_trainings, new)
    written = await cluster.merge_status(POLICY, ref(body), {"pendingApprovals": after})
    if written is not None:
        policies.put(written)
