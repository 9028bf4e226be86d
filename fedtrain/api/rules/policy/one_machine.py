"""Limits of a ParticipantPolicy that have no meaning with `fedtrain run`, with the reason. All others are judged there
by the same rules as on a cluster."""

from collections.abc import Iterator, Mapping
from typing import Any

from fedtrain.api.participant_policy import ParticipantPolicySpec
from fedtrain.api.shapes import fields_of

CLUSTER_ONLY: Mapping[str, str] = {
    "allow.images": "tasks run in the installed fedtrain, not in an image",
    "limits.taskDuration": "the user who runs the file can stop it",
    "limits.concurrentTasks": "`--parallel` limits the tasks of all participants",
    "windows": "the user who runs the file chooses the time",
    "pods.resources.limits": "no pods are started",
}
"""Fields and reasons."""


def without_effect(policy: ParticipantPolicySpec) -> Iterator[str]:
    """Return the fields of `CLUSTER_ONLY` that a policy sets."""
    return (field for field in CLUSTER_ONLY if _is_set(policy, field))


def _is_set(policy: ParticipantPolicySpec, field: str) -> bool:
    value: Any = policy
    for name in field.split("."):
        value = getattr(value, fields_of(type(value))[name].attribute)
    return bool(value)
