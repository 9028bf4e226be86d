"""Weights of the updates: `spec.aggregation.weights`.

The raw weights, before division by their sum over the updates of the close:

- Samples: n_i, the distinct samples that the participant trained on in this round;
- Uniform: 1;
- Fixed: the participant's `weight` in the file;
- ValidationLoss: n_i exp(-beta * loss_i), with the loss of the participant's adapter on its validation split.

>>> normalised([3.0, 1.0])
[0.75, 0.25]
"""

from collections.abc import Sequence
from math import exp, fsum

from fedtrain.api.aggregation import ValidationLoss
from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts.untrusted_records import Update
from fedtrain.plurals import several


def weight_flaw(spec: FederatedTrainingSpec, record: Update) -> str | None:
    """Return why `record` gives its update no weight; None if it gives one."""
    kind = spec.aggregation.weights
    if kind in ("Samples", "ValidationLoss") and record.distinct < 1:
        return f"its record counts {several(record.distinct, 'distinct sample')}, which gives it no weight in the mean"
    if kind == "ValidationLoss" and record.validation_loss is None:
        return "its record has no validation loss, which aggregation.weights: ValidationLoss needs"
    return None


def weights_of(spec: FederatedTrainingSpec, records: Sequence[Update]) -> list[float]:
    """Return the weight of each record's update, in the order given; they sum to 1. All records must pass
    `weight_flaw`. Raises ValueError if a participant has no fixed weight in the file."""
    match spec.aggregation.weights:
        case "Samples":
            raw = [float(record.distinct) for record in records]
        case "Uniform":
            raw = [1.0 for _ in records]
        case "Fixed":
            raw = [_fixed(spec, record.participant) for record in records]
        case "ValidationLoss":
            beta = (spec.aggregation.validation_loss or ValidationLoss()).beta
            losses = [record.validation_loss or 0.0 for record in records]
            # Relative to the smallest loss, which changes no weight: the largest exponential is 1, so the weights
            # cannot all underflow.
            least = min(losses)
            raw = [record.distinct * exp(-beta * (loss - least)) for record, loss in zip(records, losses, strict=True)]
    return normalised(raw)


def normalised(raw: Sequence[float]) -> list[float]:
    """Return `raw`, each divided by their sum. The sum is exact, so it does not depend on the order."""
    total = fsum(raw)
    return [weight / total for weight in raw]


def _fixed(spec: FederatedTrainingSpec, participant: str) -> float:
    weight = next((known.weight for known in spec.participants if known.name == participant), None)
    if weight is None:
        raise ValueError(
            f"aggregation.weights is Fixed, but participant {participant} has no weight in the file. Give it one."
        )
    return weight
