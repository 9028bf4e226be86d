"""Rules on `spec.privacy`, and on other blocks together with it."""

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.privacy_parameters import parameters
from fedtrain.api.rules.context import Context
from fedtrain.api.rules.rule import Cel, Violations, broken, rule
from fedtrain.privacy.accounting import AccountingError

_NONE = "!has(self.privacy) || self.privacy.unit != 'Participant'"
_REMOVE_WEIGHTS = ", and remove `weight` from the participants"


@rule(
    FederatedTrainingSpec,
    "aggregation.weights",
    message="`weights` is {weights}, but `privacy.unit: Participant` needs equal weights.",
    fix="Set `weights: Uniform`{change}.",
    cel=Cel(
        valid=f"{_NONE} || self.aggregation.weights == 'Uniform'",
        values={
            "weights": "self.aggregation.weights",
            "change": f"self.participants.exists(p, has(p.weight)) ? '{_REMOVE_WEIGHTS}' : ''",
        },
    ),
)
def privacy_needs_uniform_weights(spec: FederatedTrainingSpec, context: Context) -> Violations:
    """`aggregation.weights` is Uniform with `privacy.unit: Participant`."""
    if spec.participant_privacy is not None and spec.aggregation.weights != "Uniform":
        weighted = any(one.weight is not None for one in spec.participants)
        yield broken(weights=spec.aggregation.weights, change=_REMOVE_WEIGHTS if weighted else "")


@rule(
    FederatedTrainingSpec,
    "aggregation.maxUpdateNorm",
    message="maxUpdateNorm is not allowed with `privacy.unit: Participant`.",
    fix="Remove it: `privacy.clipping` limits the norm of every update.",
    cel=Cel(valid=f"{_NONE} || !has(self.aggregation.maxUpdateNorm)"),
    reason="FieldValueForbidden",
    at_key=True,
)
def privacy_excludes_max_update_norm(spec: FederatedTrainingSpec, context: Context) -> Violations:
    """`aggregation.maxUpdateNorm` is not set with `privacy.unit: Participant`."""
    if spec.participant_privacy is not None and spec.aggregation.max_update_norm is not None:
        yield broken()


@rule(
    FederatedTrainingSpec,
    "privacy.unit",
    message="`unit` is Participant, but a round may have only one update.",
    fix="List at least 2 participants, and set `rounds.minParticipants` to 2 or more.",
    cel=Cel(
        valid=f"{_NONE} || (self.participants.size() >= 2 && "
        "(!has(self.rounds.minParticipants) || self.rounds.minParticipants >= 2))"
    ),
)
def privacy_needs_two_participants(spec: FederatedTrainingSpec, context: Context) -> Violations:
    """With `privacy.unit: Participant`, a round has at least 2 updates."""
    if spec.participant_privacy is not None and (len(spec.participants) < 2 or spec.minimum < 2):
        yield broken()


@rule(
    FederatedTrainingSpec,
    "privacy.noise.location",
    message="noise.location is Client, but clipping.location is Server.",
    fix="Set `clipping.location: Client`.",
    cel=Cel(
        valid=f"{_NONE} || self.privacy.noise.location != 'Client' || self.privacy.clipping.location == 'Client'",
    ),
)
def noise_at_the_client_needs_clipping_there(spec: FederatedTrainingSpec, context: Context) -> Violations:
    """`privacy.noise.location: Client` only with `privacy.clipping.location: Client`."""
    privacy = spec.participant_privacy
    if privacy is not None and privacy.noise.location == "Client" and privacy.clipping.location != "Client":
        yield broken()


_DELTA = "self.privacy.budget.delta"
_COUNT = "self.participants.size()"


@rule(
    FederatedTrainingSpec,
    "privacy.budget.delta",
    message="`delta` is {delta}, but must be less than 1/{count} with {count} participants.",
    fix="Set it to a much smaller number, such as `1e-5`.",
    cel=Cel(
        valid=f"{_NONE} || {_DELTA} * double({_COUNT}) < 1.0",
        values={"delta": _DELTA, "count": _COUNT},
    ),
)
def delta_is_below_one_over_participants(spec: FederatedTrainingSpec, context: Context) -> Violations:
    """With `privacy.unit: Participant`, `privacy.budget.delta` is less than 1 / number of participants."""
    count = len(spec.participants)
    if (privacy := spec.participant_privacy) is not None and privacy.budget.delta * count >= 1:
        yield broken(delta=privacy.budget.delta, count=count)


@rule(
    FederatedTrainingSpec,
    "privacy.budget",
    message="The budget cannot be met.",
    fix="{reason}",
)
def the_budget_can_be_met(spec: FederatedTrainingSpec, context: Context) -> Violations:
    """With `privacy.unit: Participant`, `privacy.budget` allows at least one round with the noise of `privacy.noise`,
    or all rounds with `type: Budget`, and the noise of adaptive clipping leaves some for the updates."""
    privacy = spec.participant_privacy
    if privacy is None or privacy.budget.delta * len(spec.participants) >= 1:
        return
    try:
        parameters(spec, privacy)
    except AccountingError as error:
        yield broken(reason=error)
