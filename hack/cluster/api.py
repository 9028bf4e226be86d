"""An API server's objects as plain JSON, for tests that read and change objects of any kind.

A resource is named by its group, version and plural, as in its address: `v1/pods`, `batch/v1/jobs`,
`kubeflow.org/v1/pytorchjobs`.
"""

import json
import time
import urllib.parse
from typing import Any

import urllib3

from hack.cluster.eventually import PATIENCE_SECONDS
from hack.cluster.kubeconfig import Credentials

_LATER = 429
"""Nothing was done: the storage of a kind that is new is being set up, and clients are to ask again."""

_WATCHING = urllib3.Timeout(connect=PATIENCE_SECONDS, read=None)
"""While nothing changes, nothing is sent."""

Json = dict[str, Any]


class Refused(Exception):
    """The API server refused a request.

    Attributes:
        code: the HTTP status.
        reason: in one word: NotFound, AlreadyExists, Conflict, Invalid, Forbidden.
    """

    def __init__(self, code: int, status: Json) -> None:
        self.code = code
        self.reason: str = status.get("reason", "")
        super().__init__(f"{code} {self.reason}: {status.get('message', '')}")


class Api:
    """Reads and writes as one user, over connections that are kept: a TLS handshake costs more than a request.

    Every call raises Refused for what the server refuses, and OSError if it does not answer.
    """

    def __init__(self, credentials: Credentials, impersonated: str = "") -> None:
        self._credentials = credentials
        acts_as = {"Impersonate-User": impersonated} if impersonated else {}
        self._as_user = {"Authorization": f"Bearer {credentials.token}", **acts_as}
        self._pool = urllib3.PoolManager(
            ca_certs=str(credentials.authority), timeout=PATIENCE_SECONDS, retries=False, maxsize=4
        )

    def act_as(self, user: str) -> "Api":
        """Return a client that asks to act as another user, with the same credentials."""
        return Api(self._credentials, user)

    def get(self, resource: str, name: str, namespace: str = "") -> Json:
        return self._call("GET", _path(resource, namespace, name))

    def find(self, resource: str, name: str, namespace: str = "") -> Json | None:
        """Return the object; None if it does not exist."""
        try:
            return self.get(resource, name, namespace)
        except Refused as refusal:
            if refusal.reason == "NotFound":
                return None
            raise

    def list(self, resource: str, namespace: str = "", labels: str = "") -> list[Json]:
        """The objects of one namespace, or of all of them, that a label selector matches."""
        return self.list_at(resource, labels, namespace)[0]

    def list_at(self, resource: str, labels: str, namespace: str = "") -> tuple["list[Json]", str]:
        """The same, and the version to watch the objects from."""
        query = urllib.parse.urlencode({"labelSelector": labels})
        found = self._call("GET", f"{_path(resource, namespace)}?{query}")
        return found["items"], found["metadata"]["resourceVersion"]

    def watch(self, resource: str, labels: str, version: str) -> urllib3.BaseHTTPResponse:
        """The changes of such objects since a version, while they happen: a JSON object in each line."""
        query = urllib.parse.urlencode({"labelSelector": labels, "resourceVersion": version, "watch": "1"})
        address = f"{self._credentials.server}{_path(resource, '')}?{query}"
        answer = self._pool.request("GET", address, headers=self._as_user, preload_content=False, timeout=_WATCHING)
        if answer.status >= 400:
            raise Refused(answer.status, {"message": answer.data.decode(errors="replace")})
        return answer

    def table(self, resource: str, namespace: str) -> Json:
        """What `kubectl get` prints: `columnDefinitions` and `rows`."""
        return self._call("GET", _path(resource, namespace), accept="application/json;as=Table;v=v1;g=meta.k8s.io")

    def create(self, resource: str, content: Json, namespace: str = "", dry_run: bool = False) -> Json:
        """Creates an object, or tells what would be created; for the kinds Kubernetes brings itself, `content` needs no
        apiVersion or kind."""
        return self._call("POST", _path(resource, namespace) + ("?dryRun=All" if dry_run else ""), content)

    def patch(self, resource: str, name: str, change: Json, namespace: str = "", subresource: str = "") -> Json:
        """Merges a change into an object, or into its subresource: `status`, `scale`."""
        return self._call("PATCH", _path(resource, namespace, name, subresource), change)

    def delete(self, resource: str, name: str, namespace: str = "", propagation: str = "Background") -> None:
        self._call("DELETE", _path(resource, namespace, name), {"propagationPolicy": propagation})

    def _call(
        self, method: str, path: str, body: Json | None = None, tries: int = 20, accept: str = "application/json"
    ) -> Json:
        headers = {
            **self._as_user,
            "Accept": accept,
            "Content-Type": "application/merge-patch+json" if method == "PATCH" else "application/json",
        }
        data = None if body is None else json.dumps(body).encode()
        try:
            answer = self._pool.request(method, self._credentials.server + path, body=data, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            raise ConnectionError(str(error)) from error
        if answer.status < 400:
            return json.loads(answer.data)
        if answer.status == _LATER and tries > 1:
            time.sleep(1)
            return self._call(method, path, body, tries - 1, accept)
        content = answer.data.decode(errors="replace")
        try:
            status = json.loads(content)
        except json.JSONDecodeError:
            status = {"message": content}
        raise Refused(answer.status, status)


def _path(resource: str, namespace: str, name: str = "", subresource: str = "") -> str:
    group_version, _, plural = resource.rpartition("/")
    root = "apis" if "/" in group_version else "api"
    parts = [root, group_version, *(["namespaces", namespace] if namespace else []), plural, name, subresource]
    return "/" + "/".join(part for part in parts if part)
