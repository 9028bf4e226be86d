"""`minimums.participantsPerRound`: a sum of few updates hides no single one."""

from fedtrain.api.participant_policy import ParticipantPolicySpec
from fedtrain.api.rules.policy.rule import Request, refuses
from fedtrain.plurals import several


@refuses("minimums.participantsPerRound", asks="spec.rounds.minParticipants")
def participants_are_enough(request: Request, policy: ParticipantPolicySpec) -> str | None:
    minimum, stated = policy.minimums.participants_per_round, request.min_participants
    if minimum is None or (stated is not None and stated >= minimum):
        return None
    if stated is None:
        return "the hub does not say how many updates it aggregates at least. Update fedtrain at the hub"
    return (
        f"rounds with {several(stated, 'participant')} are accepted, but the policy requires {minimum}. Set "
        f"spec.rounds.minParticipants to {minimum} or more"
    )
