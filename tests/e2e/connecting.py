"""Which servers pods can connect to."""

from dataclasses import dataclass, field

from hack.cluster.cluster import Cluster
from hack.cluster.eventually import eventually
from hack.cluster.images import BUSYBOX

POLICIES = "networking.k8s.io/v1/networkpolicies"
PORT = 8000
"""Where every probe listens."""
HARDENED = {
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "readOnlyRootFilesystem": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""What PodSecurity `restricted` admits."""


@dataclass(frozen=True, eq=False)
class Probe:
    """A pod that stands in for the pods with its labels."""

    cluster: Cluster
    namespace: str
    name: str
    labels: dict[str, str] = field(default_factory=dict[str, str])

    @staticmethod
    def of(policy: str, cluster: Cluster, namespace: str, name: str) -> "Probe":
        """A pod that a NetworkPolicy selects."""
        body = cluster.control_plane.api.get(POLICIES, policy, namespace)
        return Probe(cluster, namespace, name, body["spec"]["podSelector"]["matchLabels"])

    def start(self) -> tuple[str, int]:
        """Return the address at which it listens."""
        listens = ["httpd", "-f", "-p", str(PORT), "-h", "/tmp"]
        container = {"name": "probe", "image": BUSYBOX, "command": listens, "securityContext": HARDENED}
        api = self.cluster.control_plane.api
        pod = {"metadata": {"name": self.name, "labels": self.labels}, "spec": {"containers": [container]}}
        api.create("v1/pods", pod, self.namespace)
        status = eventually(lambda: self._running(api.get("v1/pods", self.name, self.namespace)["status"]))
        return status["podIP"], PORT

    def reaches(self, servers: dict[str, tuple[str, int]]) -> set[str]:
        """The names of the servers that accept its connections; `DNS` if names are resolved."""
        quiet = "> /dev/null 2>&1"
        tries = [f"nc -w 2 {host} {port} < /dev/null {quiet} && echo {name}" for name, (host, port) in servers.items()]
        script = "; ".join([*tries, f"nslookup kubernetes.default.svc.cluster.local {quiet} && echo DNS", "true"])
        command = ("exec", self.name, f"--namespace={self.namespace}", "--", "sh", "-c", script)
        return set(self.cluster.control_plane.kubectl(*command).split())

    @staticmethod
    def _running(status: dict[str, str]) -> dict[str, str] | None:
        return status if status["phase"] == "Running" and status.get("podIP") else None
