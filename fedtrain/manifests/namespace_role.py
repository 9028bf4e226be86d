"""ClusterRoles of the chart `fedtrain`, which a RoleBinding grants to the operator in one namespace. Pure."""

from typing import Literal

DEFAULT_PREFIX = "fedtrain"


def namespace_role(prefix: str, place: Literal["training", "participant"]) -> str:
    """Return the name of the role for the namespace of trainings, or for that of a participant. `prefix`: the name of
    the chart's objects, and by default of its ServiceAccount."""
    return f"{prefix}-{place}-namespace"
