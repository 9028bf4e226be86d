"""The objects that a participant with a cluster of its own needs at the hub, and the values of its chart. Pure."""

from dataclasses import dataclass

from fedtrain.manifests.kinds import Json
from fedtrain.manifests.labels import OURS, OWN_CLUSTER, PARTICIPANT, TRANSFER_SECRET

ACCOUNT = "fedtrain-participant"
"""ServiceAccount of a participant, in its namespace at the hub; also its Role."""
OPERATOR_BINDING = "fedtrain-operator"
TOKEN_HOURS = 240
"""Requested lifetime of a token. The hub's API server may limit it."""

_RBAC = "rbac.authorization.k8s.io"


@dataclass(frozen=True)
class Invitation:
    """`operator`: namespace and ServiceAccount of the hub's release, whose roles have that name as their prefix."""

    name: str
    namespace: str
    allowed_namespaces: tuple[str, ...]
    operator: tuple[str, str] = ("fedtrain", "fedtrain")

    def objects(self) -> list[Json]:
        """Return what `kubectl apply` creates, in order."""
        namespaced = {"name": ACCOUNT, "namespace": self.namespace, "labels": self._labels}
        cluster_wide = {"name": self.cluster_role, "labels": self._labels}
        account = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": self.namespace}
        return [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": self._namespace()},
            {
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": namespaced,
                "automountServiceAccountToken": False,
            },
            {"apiVersion": f"{_RBAC}/v1", "kind": "Role", "metadata": namespaced, "rules": RULES},
            self._binding(namespaced, "RoleBinding", ("Role", ACCOUNT), account),
            {
                "apiVersion": f"{_RBAC}/v1",
                "kind": "ClusterRole",
                "metadata": cluster_wide,
                "rules": [_rule("fedtrain.dev", "participants/status", ["patch"], self.name)],
            },
            self._binding(cluster_wide, "ClusterRoleBinding", ("ClusterRole", self.cluster_role), account),
            self._operator_binding(),
            {
                "apiVersion": "fedtrain.dev/v1alpha1",
                "kind": "Participant",
                "metadata": {"name": self.name, "labels": OURS},
                "spec": {
                    "namespace": self.namespace,
                    "cluster": OWN_CLUSTER,
                    "allowedNamespaces": list(self.allowed_namespaces),
                },
            },
        ]

    @property
    def cluster_role(self) -> str:
        """Name of the ClusterRole, and of its binding."""
        return f"{ACCOUNT}:{self.name}"

    @property
    def operators_role(self) -> str:
        """Name of the ClusterRole, of the hub's chart, with which its operator creates tasks in the namespace."""
        return f"{self.operator[1]}-participant-namespace"

    def revoked(self) -> list[tuple[str, str]]:
        """Return what `kubectl delete` removes, as kind and name, the credentials first. The namespace stays, with the
        tasks."""
        return [
            ("serviceaccount", ACCOUNT),
            ("clusterrolebinding", self.cluster_role),
            ("clusterrole", self.cluster_role),
            ("rolebinding", ACCOUNT),
            ("role", ACCOUNT),
            ("participant.fedtrain.dev", self.name),
            ("secret", TRANSFER_SECRET),
        ]

    def values(self, server: str, authority: str | None, token: str) -> Json:
        """Return the values of the participant's chart. `authority`: PEM of the certificate authority; None where the
        system trusts the server's certificate."""
        hub = {"server": server, "namespace": self.namespace, "serviceAccount": ACCOUNT, "token": token}
        return {"participant": self.name, "hub": hub | ({"caCertificate": authority} if authority else {})}

    @property
    def _labels(self) -> dict[str, str]:
        return OURS | {PARTICIPANT: self.name}

    def _namespace(self) -> Json:
        return {
            "name": self.namespace,
            "labels": self._labels | {"pod-security.kubernetes.io/enforce": "restricted"},
        }

    def _operator_binding(self) -> Json:
        """Lets the hub's operator create tasks in the namespace."""
        namespace, name = self.operator
        metadata = {"name": OPERATOR_BINDING, "namespace": self.namespace, "labels": self._labels}
        role = ("ClusterRole", self.operators_role)
        return self._binding(
            metadata, "RoleBinding", role, {"kind": "ServiceAccount", "name": name, "namespace": namespace}
        )

    def _binding(self, metadata: Json, kind: str, role: tuple[str, str], subject: Json) -> Json:
        reference = {"apiGroup": _RBAC, "kind": role[0], "name": role[1]}
        return {
            "apiVersion": f"{_RBAC}/v1",
            "kind": kind,
            "metadata": metadata,
            "roleRef": reference,
            "subjects": [subject],
        }


def _rule(group: str, resource: str, verbs: list[str], name: str | None = None) -> Json:
    rule: Json = {"apiGroups": [group], "resources": [resource], "verbs": verbs}
    return rule if name is None else rule | {"resourceNames": [name]}


RULES = [
    _rule("fedtrain.dev", "trainingtasks", ["get", "list", "watch"]),
    _rule("fedtrain.dev", "trainingtasks/status", ["patch"]),
    _rule("", "secrets", ["get"], TRANSFER_SECRET),
    _rule("", "serviceaccounts/token", ["create"], ACCOUNT),
]
"""Rights of a participant in its namespace at the hub. Cluster-wide it may patch the status of its own Participant."""
