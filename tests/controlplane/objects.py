"""fedtrain's objects through a real API server, and what it says when it refuses one."""

import json
from dataclasses import dataclass
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException

GROUP, VERSION = "fedtrain.dev", "v1alpha1"
PLURALS = {
    "FederatedTraining": "federatedtrainings",
    "Participant": "participants",
    "ParticipantPolicy": "participantpolicies",
    "TrainingTask": "trainingtasks",
}


@dataclass(frozen=True)
class Cause:
    """One thing that is wrong; `field` is empty when it is about the whole object."""

    field: str
    message: str


@dataclass(frozen=True)
class Refused(Exception):
    """The API server said no."""

    status: int
    causes: tuple[Cause, ...]

    def __str__(self) -> str:
        return "\n".join(f"{cause.field}: {cause.message}" for cause in self.causes)


class Objects:
    """Creates, changes and reads objects of one namespace, as kubectl does: unknown fields are errors."""

    def __init__(self, api: client.ApiClient, namespace: str) -> None:
        self._api = client.CustomObjectsApi(api)
        self._namespace = namespace

    def create(self, body: dict[str, Any], *, dry: bool = False) -> dict[str, Any]:
        """Raises Refused."""
        return self._call("create", body["kind"], None, body, dry)

    def patch(self, kind: str, name: str, change: dict[str, Any], *, dry: bool = False) -> dict[str, Any]:
        """A merge patch. Raises Refused."""
        return self._call("patch", kind, name, change, dry)

    def patch_status(self, kind: str, name: str, status: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Merge a patch into the status. Other fields of the patch must have no effect. Raises Refused."""
        return self._call("patch", kind, name, {"status": status, **more}, False, "_status")

    def _call(
        self, verb: str, kind: str, name: str | None, body: dict[str, Any], dry: bool, part: str = ""
    ) -> dict[str, Any]:
        scope = "cluster" if kind == "Participant" else "namespaced"
        place = (PLURALS[kind],) if scope == "cluster" else (self._namespace, PLURALS[kind])
        call = getattr(self._api, f"{verb}_{scope}_custom_object{part}")
        options: dict[str, Any] = {"dry_run": "All"} if dry else {}
        if verb == "patch":
            options["_content_type"] = "application/merge-patch+json"
        named = (name,) if name else ()
        try:
            return call(GROUP, VERSION, *place, *named, body, field_validation="Strict", **options)
        except ApiException as error:
            raise _refused(error) from error


def _refused(error: ApiException) -> Refused:
    said: dict[str, Any] = json.loads(error.body or "{}")
    causes = (said.get("details") or {}).get("causes") or [{"message": said.get("message", "")}]
    return Refused(said.get("code", 0), tuple(Cause(cause.get("field", ""), cause["message"]) for cause in causes))
