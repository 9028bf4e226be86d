"""What round 0 of a run is: the base model, or the adapter that `initialFrom` names."""

from fedtrain.api.federated_training import FederatedTrainingSpec


def start_text(spec: FederatedTrainingSpec) -> str:
    """`base model` or `initial adapter`."""
    return "base model" if spec.model.adapter.initial_from is None else "initial adapter"


def start_label(spec: FederatedTrainingSpec) -> str:
    """`base` or `initial`, for columns and charts."""
    return start_text(spec).split()[0]
