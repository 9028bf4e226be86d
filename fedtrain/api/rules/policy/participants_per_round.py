"""`minimums.participantsPerRound`: a sum of few updates hides no single one."""

from fedtrain.api.participant_policy import ParticipantPolicySpec
from fedtrain.api.rules.policy.rule import Reason, Request, refuses
from fedtrain.plurals import several


@refuses(
    "minimums.participantsPerRound",
    change="Update fedtrain at the hub, which then states `rounds.minParticipants`",
    owner="remove {field}",
)
def minimum_is_stated(request: Request, policy: ParticipantPolicySpec) -> str | None:
    if policy.minimums.participants_per_round is None or request.min_participants is not None:
        return None
    return "the hub does not say how many updates it aggregates at least"


@refuses("minimums.participantsPerRound", asks="spec.rounds.minParticipants", owner="lower {field}")
def participants_are_enough(request: Request, policy: ParticipantPolicySpec) -> Reason | None:
    minimum, stated = policy.minimums.participants_per_round, request.min_participants
    if minimum is None or stated is None or stated >= minimum:
        return None
    return Reason(
        f"rounds with {several(stated, 'participant')} are accepted, but the policy requires {minimum}",
        f"Set {{asks}} to {minimum} or more",
    )
