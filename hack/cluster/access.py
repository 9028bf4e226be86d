"""A cluster's API server, with the rights of cluster-admin."""

from functools import cached_property
from pathlib import Path

from kubernetes import client, config

from hack.cluster.api import Api
from hack.cluster.eventually import eventually
from hack.cluster.kubeconfig import Credentials
from hack.cluster.processes import run
from hack.cluster.tools import provide


class Access:
    """Access to a cluster, built here or by kind.

    Attributes:
        kubeconfig: a file with the rights of cluster-admin.
        admin: the same rights.
    """

    kubeconfig: Path
    admin: Credentials

    @property
    def address(self) -> tuple[str, int]:
        """Address and port of the API server."""
        host, _, port = self.admin.server.removeprefix("https://").partition(":")
        return host, int(port)

    @cached_property
    def client(self) -> client.ApiClient:
        """A client with the rights of cluster-admin: `client.CoreV1Api(control_plane.client)`."""
        return config.new_client_from_config(str(self.kubeconfig))

    @cached_property
    def api(self) -> Api:
        """Objects as JSON, with the rights of cluster-admin."""
        return Api(self.admin)

    def service_account(self, namespace: str, name: str) -> Credentials:
        """The credentials of a service account, with its rights and no others, for an hour."""
        token = self.kubectl("create", "token", name, "--namespace", namespace).strip()
        return Credentials(self.admin.server, self.admin.authority, token)

    def kubectl(self, *arguments: str | Path) -> str:
        """Runs kubectl as cluster-admin and gives back what it prints.

        Raises:
            ProgramFailed: it failed; the message has what it said.
        """
        return run(provide("kubectl")["kubectl"], f"--kubeconfig={self.kubeconfig}", *arguments)

    def apply(self, *manifests: Path) -> None:
        """Applies manifest files server-side, and waits until the kinds among them can be used."""
        files = [argument for path in manifests for argument in ("-f", path)]
        applied = self.kubectl("apply", "--server-side", "--validate=false", "-o", "name", *files).split()
        for name in applied:
            kind, _, name = name.partition("/")
            if kind == "customresourcedefinition.apiextensions.k8s.io":
                eventually(lambda name=name: self._is_established(name))

    def _is_established(self, kind: str) -> bool:
        status = self.api.get("apiextensions.k8s.io/v1/customresourcedefinitions", kind).get("status", {})
        conditions = {condition["type"]: condition["status"] for condition in status.get("conditions") or []}
        return conditions.get("Established") == "True"
