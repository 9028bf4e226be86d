"""Rules on `spec.rounds`."""

from fedtrain.api.base import seconds
from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.rounds import Rounds
from fedtrain.api.rules.context import Context
from fedtrain.api.rules.evaluation import no_hub_metric, unknown_hub_metric
from fedtrain.api.rules.rule import Cel, Violations, broken, rule


@rule(
    Rounds,
    "deadline",
    message="deadline is {deadline}, but must be greater than 0.",
    fix="Set it to a duration such as `2h`.",
    cel=Cel(valid="self.matches('[1-9]')", values={"deadline": "self"}, of_field=True),
)
def deadline_is_positive(rounds: Rounds, context: Context) -> Violations:
    """`rounds.deadline` is greater than 0."""
    if seconds(rounds.deadline) == 0:
        yield broken(deadline=rounds.deadline)


@rule(
    FederatedTrainingSpec,
    "rounds.earlyStopping.metric",
    message="{metric} is not a metric of evaluation.hub.",
    fix="{change}.",
    cel=Cel(
        valid="!has(self.rounds.earlyStopping) || (has(self.evaluation.hub) && "
        "self.evaluation.hub.metrics.exists(m, m.name == self.rounds.earlyStopping.metric))",
        values={"metric": "self.rounds.earlyStopping.metric", "change": unknown_hub_metric("self.evaluation.hub")},
    ),
)
def early_stopping_has_a_metric(spec: FederatedTrainingSpec, context: Context) -> Violations:
    """`rounds.earlyStopping.metric` is one of the hub's metrics."""
    if spec.rounds.early_stopping is not None:
        yield from no_hub_metric(spec.rounds.early_stopping.metric, spec.evaluation.hub)


@rule(
    FederatedTrainingSpec,
    "rounds.minParticipants",
    message="minParticipants is {minimum}, but participants lists only {count}.",
    fix="Set it to {count} or less.",
    cel=Cel(
        valid="!has(self.rounds.minParticipants) || self.rounds.minParticipants <= self.participants.size()",
        values={"minimum": "self.rounds.minParticipants", "count": "self.participants.size()"},
    ),
)
def min_participants_can_be_reached(spec: FederatedTrainingSpec, context: Context) -> Violations:
    """`rounds.minParticipants` is at most the number of participants."""
    minimum, count = spec.rounds.min_participants, len(spec.participants)
    if minimum is not None and minimum > count:
        yield broken(minimum=minimum, count=count)
