"""The terms of the epsilon of a run."""

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.privacy import Privacy
from fedtrain.privacy.terms import NOT_PRIVATE, TRUST, TRUST_CLIPPED, TRUST_SHARES, Terms, terms_of_unit


def terms_of(privacy: Privacy) -> Terms:
    """Return what the epsilon of a run with this block depends on."""
    return terms_of_unit(privacy.unit, privacy.budget.delta, _trust(privacy))


def budget_in_short(privacy: Privacy) -> str:
    """Return the budget with its terms, for messages: `8 (delta 1e-05, unit Participant, ...)`. With a testing seed, it
    says that the run is not private."""
    return f"{privacy.budget.epsilon:g} ({terms_in_short(privacy)})"


def terms_in_short(privacy: Privacy) -> str:
    """Return the terms: `delta 1e-05, unit Participant, ...`."""
    warning = "" if privacy.testing_seed is None else f"; {NOT_PRIVATE}"
    return f"{terms_of(privacy).in_short}{warning}"


def not_in_epsilon(spec: FederatedTrainingSpec) -> str | None:
    """Return what epsilon does not count, in sentences; None without privacy, and if it counts all."""
    if spec.privacy is None:
        return None
    initial = "" if spec.model.adapter.initial_from is None else _INITIAL
    rounding = _ROUNDING if spec.privacy.unit == "Example" and _may_round(spec) else ""
    return " ".join(said for said in (initial, rounding) if said) or None


_INITIAL = (
    "The training of the initial adapter (model.adapter.initialFrom) is not in this epsilon. If it used the same "
    "data, add its epsilon and delta; if it had no privacy, epsilon says nothing about that data."
)
_ROUNDING = (
    "Where gradients are computed in BF16, their rounding is not in this epsilon. Set `training.precision: FP32` for "
    "the exact bound."
)


def _may_round(spec: FederatedTrainingSpec) -> bool:
    """Whether a participant may compute in BF16: with Auto, it does on most GPUs."""
    return any(one.training.over(spec.training).precision != "FP32" for one in spec.participants)


def _trust(privacy: Privacy) -> str:
    if privacy.noise.location == "Client":
        return TRUST_SHARES
    return TRUST_CLIPPED if privacy.clipping.location == "Client" else TRUST
