"""`limits.adapterRank`, `limits.stepsPerRound`, `minimums.rowsPerRound`: bounds on what an update can memorise."""

from fedtrain.api.participant_policy import ParticipantPolicySpec
from fedtrain.api.rules.policy.rule import Reason, Request, refuses
from fedtrain.plurals import several


@refuses("limits.adapterRank", asks="spec.model.adapter.rank", owner="raise {field}")
def rank_is_within_the_limit(request: Request, policy: ParticipantPolicySpec) -> Reason | None:
    limit = policy.limits.adapter_rank
    if limit is None or request.rank <= limit:
        return None
    return Reason(f"the adapter has rank {request.rank}; the limit is {limit}", f"Lower {{asks}} to {limit}")


@refuses("limits.stepsPerRound", asks="spec.training.length", change="Lower {asks}", owner="raise {field}")
def steps_are_within_the_limit(request: Request, policy: ParticipantPolicySpec) -> str | None:
    limit = policy.limits.steps_per_round
    if limit is None or request.steps is None or request.steps <= limit:
        return None
    return f"the task trains {several(request.steps, 'step')}; the limit is {limit}"


@refuses("minimums.rowsPerRound", asks="spec.partitioning", owner="lower {field}")
def rows_are_enough(request: Request, policy: ParticipantPolicySpec) -> Reason | None:
    minimum = policy.minimums.rows_per_round
    if minimum is None or request.rows is None or request.rows >= minimum:
        return None
    return Reason(
        f"the task trains on {several(request.rows, 'distinct row')}; the minimum is {minimum}",
        f"Change {{asks}} so that the participant trains on {several(minimum, 'row')} or more",
    )
