"""RoleBindings to the chart's namespace roles, as an administrator creates them for a namespace."""

from hack.cluster.api import Api

BINDINGS = "rbac.authorization.k8s.io/v1/rolebindings"
OPERATOR = {"kind": "ServiceAccount", "name": "fedtrain", "namespace": "fedtrain"}


def bind(api: Api, namespace: str, *uses: str) -> None:
    """Let the operator of the release `fedtrain` work in a namespace. `uses`: `training` or `participant`."""
    for use in uses:
        role = f"fedtrain-{use}-namespace"
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}
        api.create(BINDINGS, {"metadata": {"name": role}, "roleRef": reference, "subjects": [OPERATOR]}, namespace)
