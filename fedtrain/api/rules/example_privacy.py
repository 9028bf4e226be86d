"""Rules on `privacy.unit: Example`: what its accounting assumes, and what would reveal rows without noise."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.rules.context import Context
from fedtrain.api.rules.rule import Cel, Reason, Rule, Violations, broken, rule

_OTHER = "!has(self.privacy) || self.privacy.unit != 'Example'"
Breaks = Callable[[FederatedTrainingSpec], bool]


def _refused(
    name: str,
    summary: str,
    field: str,
    message: str,
    fix: str,
    breaks: Breaks,
    valid: str,
    *,
    reason: Reason = "FieldValueInvalid",
    at_key: bool = False,
    others: Mapping[str, Breaks] = MappingProxyType({}),
) -> Rule:
    """A rule that a spec with `unit: Example` breaks at `field` if `breaks`, and at the fields of `others` if these do.
    `valid`: CEL of the opposite."""

    def check(spec: FederatedTrainingSpec, context: Context) -> Violations:
        if spec.example_privacy is not None:
            for place, is_broken in {field: breaks, **others}.items():
                if is_broken(spec):
                    yield broken(*place.split("."))

    check.__name__, check.__doc__ = name, summary
    cel = Cel(valid=f"{_OTHER} || {valid}")
    return rule(FederatedTrainingSpec, field, message=message, fix=fix, cel=cel, reason=reason, at_key=at_key)(check)


RULES = (
    _refused(
        "example_privacy_draws_all_rows_alike",
        "With `privacy.unit: Example`, `data.datasets` is not set.",
        "data.datasets",
        "`datasets` is not allowed with `privacy.unit: Example`: its accounting needs equal chances for all rows.",
        "Write one data set with all rows and name it in `data.dataset`, or use `unit: Participant`.",
        lambda spec: spec.data.datasets is not None,
        "!has(self.data.datasets)",
        reason="FieldValueForbidden",
        at_key=True,
    ),
    _refused(
        "example_privacy_samples_from_all_rows",
        "With `privacy.unit: Example`, `partitioning.strategy` is All.",
        "partitioning.strategy",
        "Only `strategy: All` is valid with `privacy.unit: Example`.",
        "Write `strategy: All`; `training.length` limits the rows of a round.",
        lambda spec: spec.partitioning.strategy != "All",
        "self.partitioning.strategy == 'All'",
    ),
    _refused(
        "example_privacy_weighs_without_losses",
        "With `privacy.unit: Example`, `aggregation.weights` is not ValidationLoss.",
        "aggregation.weights",
        "`weights` is ValidationLoss, but with `privacy.unit: Example` the hub gets no losses.",
        "Set `weights: Samples`, `weights: Uniform` or `weights: Fixed`.",
        lambda spec: spec.aggregation.weights == "ValidationLoss",
        "self.aggregation.weights != 'ValidationLoss'",
    ),
    _refused(
        "example_privacy_measures_at_the_hub_only",
        "With `privacy.unit: Example`, `evaluation.participants` is not set.",
        "evaluation.participants",
        "`evaluation.participants` is not allowed with `privacy.unit: Example`: its metrics have no noise.",
        "Remove it; `evaluation.hub` can measure the adapters instead.",
        lambda spec: spec.evaluation.participants is not None,
        "!has(self.evaluation) || !has(self.evaluation.participants)",
        reason="FieldValueForbidden",
        at_key=True,
    ),
    _refused(
        "example_privacy_keeps_the_last_checkpoint",
        "With `privacy.unit: Example`, `training.keep` is Last.",
        "training.keep",
        "`keep` is Best, but `privacy.unit: Example` needs `keep: Last`.",
        "Set `keep: Last`.",
        lambda spec: spec.training.keep == "Best",
        "self.training.keep == 'Last'",
    ),
    _refused(
        "example_privacy_has_a_fixed_clipping_norm",
        "With `privacy.unit: Example`, `privacy.clipping.type` is Fixed.",
        "privacy.clipping.type",
        "`clipping.type` is Adaptive, but `privacy.unit: Example` needs a fixed norm.",
        "Set `clipping: {type: Fixed, norm: 1.0}`.".replace("{", "{{").replace("}", "}}"),
        lambda spec: spec.privacy is not None and spec.privacy.clipping.type != "Fixed",
        "self.privacy.clipping.type == 'Fixed'",
    ),
    _refused(
        "example_privacy_has_no_location",
        "`privacy.clipping.location` and `privacy.noise.location` are not Client with `privacy.unit: Example`.",
        "privacy.clipping.location",
        "`location: Client` is not allowed with `privacy.unit: Example`.",
        "Remove this `location`: with `unit: Example`, each participant always clips and adds noise.",
        lambda spec: spec.privacy is not None and spec.privacy.clipping.location == "Client",
        "(self.privacy.clipping.location != 'Client' && self.privacy.noise.location != 'Client')",
        others={
            "privacy.noise.location": lambda spec: spec.privacy is not None and spec.privacy.noise.location == "Client"
        },
    ),
    _refused(
        "example_privacy_does_not_scale_losses",
        "With `privacy.unit: Example`, `training.precision` is not FP16, for any participant.",
        "training.precision",
        "`precision` is FP16, which `privacy.unit: Example` does not support.",
        "Set `precision: BF16`, `precision: FP32` or `precision: Auto`.",
        lambda spec: "FP16" in {one.training.over(spec.training).precision for one in spec.participants},
        "(self.training.precision != 'FP16' && "
        "!self.participants.exists(p, has(p.training) && has(p.training.precision) && p.training.precision == 'FP16'))",
    ),
    _refused(
        "example_privacy_keeps_activations",
        "With `privacy.unit: Example`, `training.gradientCheckpointing` is not Enabled, for any participant.",
        "training.gradientCheckpointing",
        "gradientCheckpointing is Enabled, which `privacy.unit: Example` does not support.",
        "Set it to `Auto` or `Disabled`, and lower `microBatchSize` to save memory.",
        lambda spec: "Enabled" in {p.training.over(spec.training).gradient_checkpointing for p in spec.participants},
        "(self.training.gradientCheckpointing != 'Enabled' && !self.participants.exists(p, has(p.training) && "
        "has(p.training.gradientCheckpointing) && p.training.gradientCheckpointing == 'Enabled'))",
    ),
    _refused(
        "example_privacy_has_no_dropout",
        "With `privacy.unit: Example`, `model.adapter.dropout` is 0.",
        "model.adapter.dropout",
        "`dropout` is not allowed with `privacy.unit: Example`: one row more would change the gradients of other rows.",
        "Remove it.",
        lambda spec: spec.model.adapter.dropout > 0,
        "!has(self.model.adapter) || !has(self.model.adapter.dropout) || self.model.adapter.dropout == 0.0",
    ),
)
