"""An API server in memory, behind the operator's own client, that refuses what a test tells it to."""

import asyncio
import copy
import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from fedtrain_operator.kube.api_error import AlreadyExists, ApiError
from fedtrain_operator.kube.client import Cluster

from fedtrain.manifests.kinds import Json


@dataclass(frozen=True)
class Request:
    """`kind`: the plural, with `/status` for that subresource."""

    verb: str
    kind: str
    namespace: str
    name: str
    body: Any
    query: str = ""


Fault = Callable[[Request], ApiError | None]
"""The error for a request; one with code 0 is never answered."""


class ApiServer(Cluster):
    """`objects` by kind, namespace and name; `requests` are all writes; `fault` may refuse any request."""

    def __init__(self, *namespaces: str) -> None:
        super().__init__(lambda: (_ for _ in ()).throw(AssertionError("no login")), namespaces)
        self.objects: dict[tuple[str, str, str], Json] = {}
        self.requests: list[Request] = []
        self.fault: Fault = lambda _: None
        self._versions = itertools.count(1)

    def add(self, kind: str, body: Json) -> Json:
        metadata = {"namespace": "", "generation": 1, "uid": f"uid-{body['metadata']['name']}"} | body["metadata"]
        made = {**body, "metadata": {**metadata, "resourceVersion": str(next(self._versions))}}
        self.objects[kind, metadata["namespace"], metadata["name"]] = made
        return copy.deepcopy(made)

    def all(self, kind: str) -> list[Json]:
        return [body for (plural, _, _), body in self.objects.items() if plural == kind]

    async def _call(self, method: str, path: str, body: Json | Sequence[Json] | None = None) -> Json:
        request = _request(method, path, body)
        if method != "GET":
            self.requests.append(request)
        if (error := self.fault(request)) is not None:
            await asyncio.sleep(0 if error.code else 3600)
            raise error
        return copy.deepcopy(self._answer(request))

    def _answer(self, request: Request) -> Json:
        kind = request.kind.removesuffix("/status")
        key = kind, request.namespace, request.name
        match request.verb:
            case "list":
                found = [one for one in self.all(kind) if request.namespace in ("", one["metadata"]["namespace"])]
                if only := re.search("metadata.name=([^&]+)", request.query):
                    found = [one for one in found if one["metadata"]["name"] == only[1]]
                return {"metadata": {"resourceVersion": "1"}, "items": found}
            case "create":
                name = request.body["metadata"]["name"]
                if "dryRun=All" in request.query:
                    return request.body
                if (kind, request.namespace, name) in self.objects:
                    raise AlreadyExists(409, "AlreadyExists", f'{kind} "{name}" already exists')
                return self.add(kind, request.body)
            case _ if key not in self.objects:
                raise ApiError(404, "NotFound", f'{kind} "{request.name}" not found')
            case "delete":
                return self.objects.pop(key)
            case "replace":
                return self.add(kind, request.body)
            case "patch":
                _check_version(self.objects[key], request.body)
                return self.add(kind, _patched(self.objects[key], request.body))
            case _:
                return self.objects[key]


def _request(method: str, path: str, body: Any) -> Request:
    plain, _, query = path.partition("?")
    parts = plain.split("/")[2 if plain.startswith("api/") else 3 :]
    namespace = ""
    if parts[0] == "namespaces":
        namespace, parts = parts[1], parts[2:]
    kind, name, subresource = (*parts, "", "")[:3]
    verbs = {"POST": "create", "PUT": "replace", "PATCH": "patch", "DELETE": "delete"}
    verb = verbs.get(method) or ("get" if name else "list")
    assert name or query or verb == "create", path
    return Request(verb, f"{kind}/{subresource}".removesuffix("/"), namespace, name, body, unquote(query))


def _check_version(known: Json, change: Any) -> None:
    """A merge patch may be for one version only."""
    version = change.get("metadata", {}).get("resourceVersion") if isinstance(change, dict) else None
    if version is not None and version != known["metadata"]["resourceVersion"]:
        raise ApiError(409, "Conflict", "the object has been modified")


def _patched(known: Json, change: Any) -> Json:
    made = copy.deepcopy(known)
    if isinstance(change, list):
        test, add = change
        assert test["op"] == "test"
        if made["metadata"][test["path"].split("/")[-1]] != test["value"]:
            raise ApiError(422, "Invalid", "the test failed")
        *parents, last = add["path"].strip("/").split("/")
        target = made
        for parent in parents:
            target = target.setdefault(parent, {})
        target[last] = add["value"]
        return made
    return _merged(made, change)


def _merged(known: Any, change: Any) -> Any:
    """A JSON merge patch (RFC 7386)."""
    if not isinstance(change, dict):
        return change
    made: Json = dict(known) if isinstance(known, dict) else {}
    for name, value in change.items():
        if value is None:
            made.pop(name, None)
        else:
            made[name] = _merged(made.get(name), value)
    return made
