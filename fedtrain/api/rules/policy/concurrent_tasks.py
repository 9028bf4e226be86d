"""`limits.concurrentTasks`: tasks that run at the same time."""

from fedtrain.api.participant_policy import ParticipantPolicySpec
from fedtrain.api.rules.policy.rule import Request, Situation, holds
from fedtrain.plurals import form, several


@holds("limits.concurrentTasks", then="The task starts by itself when another task ends")
def a_place_is_free(request: Request, policy: ParticipantPolicySpec, situation: Situation) -> str | None:
    limit = policy.limits.concurrent_tasks
    if limit is None or situation.running < limit:
        return None
    return f"{several(situation.running, 'task')} of at most {limit} {form(situation.running, 'runs', 'run')} already"
