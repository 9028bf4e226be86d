"""Warns of fields of a training that only a cluster uses.

`fedtrain.api.rules.policy.one_machine` has those of policies.
"""

from collections.abc import Iterator

from fedtrain.api.federated_training import FederatedTrainingSpec


def cluster_settings(spec: FederatedTrainingSpec) -> Iterator[str]:
    """Yield the fields without effect on one machine that ask for more than their default."""
    if spec.suspend:
        yield _without_effect("suspend", "Ctrl-C stops the run, and the same command resumes it")
    if spec.storage.retention_policy == "Delete":
        yield _without_effect("storage.retentionPolicy", "`fedtrain delete` deletes a run")


def _without_effect(field: str, reason: str) -> str:
    return f"spec.{field} has no effect with `fedtrain run`: {reason}."
