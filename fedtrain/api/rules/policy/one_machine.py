"""Fields of a ParticipantPolicy that have no meaning with `fedtrain run`, with the reason. All other limits are judged
there by the same rules as on a cluster."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from fedtrain.api.base import Block
from fedtrain.api.participant_policy import ParticipantPolicySpec
from fedtrain.api.shapes import fields_of

CLUSTER_ONLY: Mapping[str, str] = {
    "allow.images": "tasks run in the installed fedtrain, not in an image",
    "limits.taskDuration": "the user who runs the file can stop it",
    "limits.concurrentTasks": "`--parallel` limits the tasks of all participants",
    "windows": "the user who runs the file chooses the time",
    "logs": "the user who runs the file has all log lines",
    "spool": "updates go to a ledger on this machine, or the user runs the file again",
    "pods": "no pods are started, so tasks have the environment of the command",
}
"""Fields and reasons."""


def is_cluster_only(field: str | None) -> bool:
    """Whether a field of a policy, or a block around it, is in `CLUSTER_ONLY`."""
    return field is not None and any(field == one or field.startswith(f"{one}.") for one in CLUSTER_ONLY)


def without_effect(policy: ParticipantPolicySpec) -> Iterator[str]:
    """Return the fields of `CLUSTER_ONLY` that a policy sets."""
    return (field for field in CLUSTER_ONLY if _is_set(policy, field))


def _is_set(policy: ParticipantPolicySpec, field: str) -> bool:
    block: Any = policy
    *above, last = field.split(".")
    for name in above:
        block = getattr(block, fields_of(type(block))[name].attribute)
    found = fields_of(cast("type[Block]", type(block)))[last]
    return getattr(block, found.attribute) != found.info.default
