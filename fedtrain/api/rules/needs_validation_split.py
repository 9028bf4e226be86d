"""Rules on what needs a validation split: `data.validationFraction` greater than 0."""

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.rules.context import Context
from fedtrain.api.rules.rule import Cel, Violations, broken, rule

_SPLIT = "self.data.validationFraction > 0.0"
_NONE = "but data.validationFraction is 0."


@rule(
    FederatedTrainingSpec,
    "training.keep",
    message=f"`keep: Best` needs a validation split, {_NONE}",
    fix="Set `keep: Last`, or `data.validationFraction: 0.1`.",
    cel=Cel(valid=f"self.training.keep != 'Best' || {_SPLIT}"),
)
def best_needs_a_validation_split(spec: FederatedTrainingSpec, context: Context) -> Violations:
    """`training.keep: Best` needs `data.validationFraction` greater than 0."""
    if spec.training.keep == "Best" and spec.data.validation_fraction == 0:
        yield broken()


@rule(
    FederatedTrainingSpec,
    "aggregation.weights",
    message=f"`weights: ValidationLoss` needs a validation split, {_NONE}",
    fix="Set `weights: Samples`, or `data.validationFraction: 0.1`.",
    cel=Cel(valid=f"self.aggregation.weights != 'ValidationLoss' || {_SPLIT}"),
)
def validation_loss_needs_a_validation_split(spec: FederatedTrainingSpec, context: Context) -> Violations:
    """`aggregation.weights: ValidationLoss` needs `data.validationFraction` greater than 0."""
    if spec.aggregation.weights == "ValidationLoss" and spec.data.validation_fraction == 0:
        yield broken()


@rule(
    FederatedTrainingSpec,
    "evaluation.participants",
    message=f"`evaluation.participants` needs a validation split, {_NONE}",
    fix="Remove `evaluation.participants`, or set `data.validationFraction: 0.1`.",
    cel=Cel(valid=f"!has(self.evaluation.participants) || {_SPLIT}"),
    reason="FieldValueForbidden",
    at_key=True,
)
def participants_metrics_need_a_validation_split(spec: FederatedTrainingSpec, context: Context) -> Violations:
    """`evaluation.participants` needs `data.validationFraction` greater than 0."""
    if spec.evaluation.participants is not None and spec.data.validation_fraction == 0:
        yield broken()
