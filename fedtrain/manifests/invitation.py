"""The objects that a participant with a cluster of its own needs at the hub, and the values of its chart. Pure."""

from dataclasses import dataclass
from typing import Self

from fedtrain.manifests.kinds import Json
from fedtrain.manifests.labels import OURS, OWN_CLUSTER, PARTICIPANT, TRANSFER_SECRET
from fedtrain.manifests.namespace_role import DEFAULT_PREFIX, namespace_role

ACCOUNT = "fedtrain-participant"
"""ServiceAccount of a participant, in its namespace at the hub; also its Role."""
OPERATOR_BINDING = "fedtrain-operator"
TOKEN_HOURS = 240
"""Requested lifetime of a token. The hub's API server may limit it."""

_RBAC = "rbac.authorization.k8s.io"


@dataclass(frozen=True)
class HubOperator:
    """The ServiceAccount of the hub's operator. `role`: the chart's ClusterRole with which it creates tasks in the
    namespace of a participant."""

    namespace: str
    account: str
    role: str

    @classmethod
    def of_release(cls, namespace: str, account: str, prefix: str | None = None) -> Self:
        """Return the operator of a release. `prefix`: of its roles; the ServiceAccount's name unless the release gives
        it another one."""
        return cls(namespace, account, namespace_role(prefix or account, "participant"))

    @classmethod
    def of_binding(cls, binding: Json | None) -> Self | None:
        """Return the operator that a RoleBinding of an earlier invitation lets work; None if there is none."""
        subjects = binding.get("subjects", ()) if binding is not None else ()
        accounts = [one for one in subjects if one["kind"] == "ServiceAccount"]
        if binding is None or not accounts:
            return None
        return cls(accounts[0]["namespace"], accounts[0]["name"], binding["roleRef"]["name"])


DEFAULT_OPERATOR = HubOperator.of_release("fedtrain", "fedtrain", DEFAULT_PREFIX)


@dataclass(frozen=True)
class Invitation:
    """What participant `name` needs at the hub. `operator`: the hub's."""

    name: str
    namespace: str
    allowed_namespaces: tuple[str, ...]
    operator: HubOperator = DEFAULT_OPERATOR

    def objects(self) -> list[Json]:
        """Return what `kubectl apply` creates, in order."""
        namespaced = {"name": ACCOUNT, "namespace": self.namespace, "labels": self._labels}
        cluster_wide = {"name": self.cluster_role, "labels": self._labels}
        account = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": self.namespace}
        return [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": self._namespace()},
            self.account(),
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

    def account(self) -> Json:
        """Return the participant's ServiceAccount, whose deletion revokes all tokens."""
        return {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": ACCOUNT, "namespace": self.namespace, "labels": self._labels},
            "automountServiceAccountToken": False,
        }

    @property
    def cluster_role(self) -> str:
        """Name of the ClusterRole, and of its binding."""
        return f"{ACCOUNT}:{self.name}"

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

    def in_namespace(self) -> list[tuple[str, str]]:
        """Return which of these are in the namespace, the credentials first: what a participant that was invited to
        another namespace no longer needs."""
        return [one for one in self.revoked() if one[0] in ("serviceaccount", "rolebinding", "role", "secret")]

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
        metadata = {"name": OPERATOR_BINDING, "namespace": self.namespace, "labels": self._labels}
        subject = {"kind": "ServiceAccount", "name": self.operator.account, "namespace": self.operator.namespace}
        return self._binding(metadata, "RoleBinding", ("ClusterRole", self.operator.role), subject)

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
