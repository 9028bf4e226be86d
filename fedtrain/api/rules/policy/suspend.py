"""`spec.suspend`: no task runs."""

from fedtrain.api.participant_policy import ParticipantPolicySpec
from fedtrain.api.rules.policy.rule import Request, Situation, holds


@holds("suspend", then="The task starts by itself once the owner sets `suspend: false` in its ParticipantPolicy")
def not_suspended(request: Request, policy: ParticipantPolicySpec, situation: Situation) -> str | None:
    return "the participant is suspended by its owner" if policy.suspend else None
