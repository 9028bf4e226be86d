"""Comparison runs train without noise, whatever `spec.privacy` and the policies ask for: who may see the results."""

from fedtrain.api.reading.federation import Federation
from fedtrain.runner.errors import RunError

NOTE = (
    "these trainings have no noise, and the ledgers of privacy do not count them. Their adapters stay on this machine: "
    "do not publish them"
)


def without_noise(federation: Federation) -> str | None:
    """Return what to say before the trainings; None if neither the training nor a policy asks for privacy."""
    required = any(policy.spec.privacy.is_required for policy in federation.policies.values())
    return NOTE if federation.training.spec.privacy is not None or required else None


def check_storage(federation: Federation) -> None:
    """Raises RunError if readers of a bucket would see adapters without noise of data that must have it."""
    if federation.training.spec.storage.type != "File" and without_noise(federation) is not None:
        raise RunError(
            "spec.privacy or a policy asks for noise, but the comparison trains without noise, and everyone who can "
            "read the bucket in spec.storage would see its adapters. Use `storage.type: File`"
        )
