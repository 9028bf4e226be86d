"""`allow.requesters`: trainings that may use this participant."""

from fedtrain.api.participant_policy import ParticipantPolicySpec
from fedtrain.api.rules.policy.patterns import matches
from fedtrain.api.rules.policy.rule import Request, refuses


@refuses(
    "allow.requesters",
    asks="metadata.name",
    change="Use an allowed `metadata.namespace` and `metadata.name`",
    owner="add the training to {field}",
)
def requester_is_allowed(request: Request, policy: ParticipantPolicySpec) -> str | None:
    allowed = policy.allow.requesters
    if not allowed or any(
        matches(one.namespace, request.namespace) and matches(one.name, request.name) for one in allowed
    ):
        return None
    return f"the policy does not allow the training {request.name} of namespace {request.namespace}"
