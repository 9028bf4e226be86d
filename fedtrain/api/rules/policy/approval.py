"""`approval`, `approvedTrainings`: the owner approves a training once, before its first task."""

from fedtrain.api.participant_policy import ParticipantPolicySpec
from fedtrain.api.rules.policy.rule import Request, Situation, holds


@holds("approval")
def training_is_approved(request: Request, policy: ParticipantPolicySpec, situation: Situation) -> str | None:
    if not awaits_approval(request, policy):
        return None
    training = f"{request.namespace}/{request.name}"
    return (
        f"the owner has not approved training {training}. Ask the owner to add {request.digest} to approvedTrainings "
        f"(on a cluster: fedtrain participant approve {training})"
    )


def awaits_approval(request: Request, policy: ParticipantPolicySpec) -> bool:
    """Whether the training waits for the owner."""
    return policy.approval == "Manual" and request.digest not in policy.approved_trainings
