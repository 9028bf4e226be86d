"""`approval`, `approvedTrainings`: the owner approves a training once, before its first task."""

from fedtrain.api.participant_policy import ParticipantPolicySpec
from fedtrain.api.rules.policy.rule import Reason, Request, Situation, holds


@holds("approval", then="The task then starts by itself")
def training_is_approved(request: Request, policy: ParticipantPolicySpec, situation: Situation) -> Reason | None:
    if not awaits_approval(request, policy):
        return None
    training = f"{request.namespace}/{request.name}"
    return Reason(
        f"the owner has not approved training {training}",
        f"Ask the owner to add {request.digest} to `approvedTrainings` (on a cluster: `fedtrain participant approve "
        f"{training}`)",
    )


def awaits_approval(request: Request, policy: ParticipantPolicySpec) -> bool:
    """Whether the training waits for the owner."""
    return policy.approval == "Manual" and request.digest not in policy.approved_trainings
