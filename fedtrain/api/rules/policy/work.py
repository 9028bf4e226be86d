"""Work that a hub may ask of a participant, whatever the policy says."""

from fedtrain.api.participant_policy import ParticipantPolicySpec
from fedtrain.api.rules.policy.rule import Reason, Request, refuses
from fedtrain.listing import listed

WORK = ("Inspect", "Train", "Measure")


@refuses(None)
def work_is_a_participants(request: Request, policy: ParticipantPolicySpec) -> Reason | None:
    """Initialise and Evaluate read places that the hub names; they run at the hub."""
    if request.work in WORK:
        return None
    return Reason(
        f"{request.work} is work of the hub; participants run {listed(WORK)} only",
        f"Nothing ran. Tell the hub's administrator that the hub sent a task with `work.type: {request.work}`",
    )


@refuses(None, asks="spec.storage.type", change="Use `storage.type: S3`")
def ledger_is_a_bucket(request: Request, policy: ParticipantPolicySpec) -> str | None:
    """A path would be a folder of the pod, such as a volume with the participant's data."""
    if request.storage.type == "S3":
        return None
    return f"the ledger is of type {request.storage.type}, but a task writes to buckets only"
