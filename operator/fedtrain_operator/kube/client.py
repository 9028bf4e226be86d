"""A client of the Kubernetes API over aiohttp. Objects are plain JSON."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import aiohttp
import kopf

from fedtrain.manifests.kinds import SERVICE_ACCOUNT, Json, Kind, Ref, ref
from fedtrain.manifests.labels import selector
from fedtrain_operator.kube.api_error import ApiError, error_of, unreachable, unreadable

TIMEOUT_SECONDS = 60
UNANSWERED = (aiohttp.ClientError, TimeoutError, OSError, RuntimeError)
"""What aiohttp raises without an answer; RuntimeError for a session that another request has closed."""
_PAGE = 200
_LONGEST_EVENT = 2**21
"""Bytes: an object's limit in etcd is 1.5 MiB."""


class Cluster:
    """`login` returns how to reach the API server, and is called again when the token is no longer accepted.
    `namespaces`: those that this operator serves and has rights in; empty for all."""

    def __init__(self, login: Callable[[], kopf.ConnectionInfo], namespaces: Sequence[str] = ()) -> None:
        self._login = login
        self.namespaces = tuple(namespaces) or ("",)
        self._session: aiohttp.ClientSession | None = None
        self._retired: list[aiohttp.ClientSession] = []
        self._server = ""
        self.writes = 0
        self.request_count = 0
        """All requests but watches."""

    async def close(self) -> None:
        sessions, self._session, self._retired = [*self._retired, self._session], None, []
        for session in sessions:
            if session is not None:
                await session.close()

    @property
    def serves_all(self) -> bool:
        """Whether this operator serves all namespaces."""
        return self.namespaces == ("",)

    def serves(self, namespace: str) -> bool:
        return self.serves_all or namespace in self.namespaces

    async def offers(self, kind: Kind) -> bool:
        """Whether the API server knows the kind."""
        try:
            known = await self._call("GET", kind.path)
        except ApiError as error:
            if error.code == 404:
                return False
            raise
        return any(resource["name"] == kind.plural for resource in known["resources"])

    async def get(self, kind: Kind, ref: Ref) -> Json | None:
        return await self._unless_absent("GET", _path(kind, ref.namespace, ref.name))

    async def pages(
        self, kind: Kind, namespace: str, labels: Mapping[str, str], fields: str = ""
    ) -> AsyncIterator[Json]:
        """Lists the objects that have these labels in pages, which neither fill the memory nor delay other work.
        Namespace "" means all. `fields`: a field selector."""
        query = {"limit": str(_PAGE), "labelSelector": selector(dict(labels)), "fieldSelector": fields}
        while True:
            page = await self._call("GET", f"{_path(kind, namespace)}?{urlencode(query)}")
            if not ("items" in page and "metadata" in page):
                raise ApiError(0, "Unreadable", f"the answer is not a list of {kind.plural}")
            yield page
            following = page["metadata"].get("continue")
            if not following:
                return
            query["continue"] = following

    async def list_everywhere(self, kind: Kind, labels: Mapping[str, str]) -> list[Json]:
        """Lists the objects of all served namespaces."""
        found: list[Json] = []
        for namespace in self.namespaces:
            found += await self.list(kind, namespace, labels)
        return found

    async def list(self, kind: Kind, namespace: str, labels: Mapping[str, str], fields: str = "") -> list[Json]:
        """Lists the objects of one namespace; "" means all."""
        return [body async for page in self.pages(kind, namespace, labels, fields) for body in page["items"]]

    async def watch(self, kind: Kind, namespace: str, labels: Mapping[str, str], version: str) -> AsyncGenerator[Json]:
        """Yields the events `{type, object}` since this version of a list, until the server ends the watch. Raises
        ApiError."""
        query = {"watch": "1", "resourceVersion": version, "labelSelector": selector(dict(labels))}
        session = self._connected()
        url, quiet = f"{self._server}/{_path(kind, namespace)}?{urlencode(query)}", aiohttp.ClientTimeout(total=None)
        try:
            async with session.get(url, timeout=quiet, read_bufsize=_LONGEST_EVENT) as answer:
                if answer.status >= 300:
                    raise error_of(answer.status, await answer.text())
                async for line in answer.content:
                    yield json.loads(line)
        except (*UNANSWERED, ValueError) as error:
            await self._drop_closed(session)
            raise unreachable(error) from error

    async def create(self, kind: Kind, body: Json) -> Json:
        """Raises AlreadyExists."""
        return await self._call("POST", _path(kind, body["metadata"].get("namespace", "")), body)

    async def try_to_create(self, kind: Kind, body: Json) -> None:
        """Raises what `create` would raise now, and creates nothing."""
        await self._call("POST", f"{_path(kind, body['metadata'].get('namespace', ''))}?dryRun=All", body)

    async def replace(self, kind: Kind, body: Json) -> None:
        """Replaces the object of this name. Unlike the answer to a patch, the answer shows only what was written, so
        this needs no right to read."""
        await self._call("PUT", _path(kind, body["metadata"]["namespace"], body["metadata"]["name"]), body)

    async def patch(self, kind: Kind, ref: Ref, change: Json) -> Json | None:
        """Merges a change into the object, or into one version of it if the change has a `metadata.resourceVersion`.
        None if the object does not exist."""
        return await self._unless_absent("PATCH", _path(kind, ref.namespace, ref.name), change)

    async def request_token(self, account: Ref, seconds: int) -> str:
        """Requests a token of a ServiceAccount. The server may shorten its life."""
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": seconds},
        }
        answer = await self._call("POST", _path(SERVICE_ACCOUNT, account.namespace, account.name, "token"), request)
        return answer["status"]["token"]

    async def merge_status(self, kind: Kind, ref: Ref, status: Json) -> Json | None:
        """Merges fields into the status, whatever the object's version; None removes one. Returns None if the object
        is gone. Needs no right to read."""
        return await self._unless_absent("PATCH", _path(kind, ref.namespace, ref.name, "status"), {"status": status})

    async def write_status(self, kind: Kind, body: Json, status: Json) -> Json | None:
        """Writes the whole status. None if the object is gone or is no longer the version `body`."""
        return await self._set(kind, body, "resourceVersion", "/status", status, "status")

    async def write_field(self, kind: Kind, body: Json, path: str, value: Any) -> Json | None:
        """Writes a field, such as `/spec/desiredState`. None if the object is gone or another one has its name."""
        return await self._set(kind, body, "uid", path, value)

    async def write_data(self, kind: Kind, body: Json, data: Json) -> Json | None:
        """Writes the data of a ConfigMap or Secret. None if it is gone or is no longer the version `body`."""
        return await self._set(kind, body, "resourceVersion", "/data", data)

    async def _set(
        self, kind: Kind, body: Json, known: str, path: str, value: Any, subresource: str = ""
    ) -> Json | None:
        """Writes if the object's metadata still has the `known` field's value. Not a merge patch, which ignores a uid
        when it writes a status."""
        name = ref(body)
        operations = [
            {"op": "test", "path": f"/metadata/{known}", "value": body["metadata"][known]},
            {"op": "add", "path": path, "value": value},
        ]
        try:
            return await self._unless_absent("PATCH", _path(kind, name.namespace, name.name, subresource), operations)
        except ApiError as error:
            if error.code == 422 and not error.causes:  # the test failed
                return None
            raise

    async def delete(self, kind: Kind, ref: Ref, uid: str | None = None) -> None:
        """Deletes the object. It is not an error if it does not exist or another one has its name."""
        options: Json = {"propagationPolicy": "Background"}
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        try:
            await self._call("DELETE", _path(kind, ref.namespace, ref.name), options)
        except ApiError as error:
            if error.code not in (404, 409):
                raise

    async def _unless_absent(self, method: str, path: str, body: Json | Sequence[Json] | None = None) -> Json | None:
        """Returns None if the object does not exist. Raises ApiError for a 404 that is not the API server's word on an
        object: from a proxy, or about a kind that it does not know."""
        try:
            return await self._call(method, path, body)
        except ApiError as error:
            if error.code != 404:
                raise
            if error.reason != "NotFound":
                raise ApiError(0, "Unreadable", f"the answer (404) does not say what is missing: {error}") from error
            return None

    async def _call(self, method: str, path: str, body: Json | Sequence[Json] | None = None) -> Json:
        self.writes += method != "GET"
        self.request_count += 1
        for again in (True, False):
            session = self._connected()
            patch = "merge-patch" if isinstance(body, dict) else "json-patch"
            kind = f"application/{patch}+json" if method == "PATCH" else "application/json"
            content = None if body is None else json.dumps(body)
            try:
                async with session.request(
                    method, f"{self._server}/{path}", data=content, headers={"Content-Type": kind}
                ) as answer:
                    text = await answer.text()
            except UnicodeDecodeError as error:
                raise unreadable(answer.status, answer.content_type) from error  # pyright: ignore[reportPossiblyUnboundVariable]
            except UNANSWERED as error:
                if isinstance(error, aiohttp.ClientConnectorCertificateError):  # its authority may have been renewed
                    await self._retire(session)
                await self._drop_closed(session)
                raise unreachable(error) from error
            if answer.status == 401 and again:  # it was renewed
                await self._retire(session)
                continue
            if answer.status < 300:
                return _object(text, answer.status, answer.content_type)
            raise error_of(answer.status, text)
        raise AssertionError("unreachable")

    async def _retire(self, session: aiohttp.ClientSession) -> None:
        """Requests that use the session may finish until the next one is retired."""
        if self._session is session:
            self._session = None
            before, self._retired = self._retired, [session]
            for one in before:
                await one.close()

    async def _drop_closed(self, session: aiohttp.ClientSession) -> None:
        if session.closed:
            await self._retire(session)

    def _connected(self) -> aiohttp.ClientSession:
        """Raises ApiError if the credentials cannot be read now."""
        try:
            return self._session or self._connect()
        except (kopf.LoginError, OSError, ValueError) as error:
            raise ApiError(0, "NoCredentials", f"{error}") from error

    def _connect(self) -> aiohttp.ClientSession:
        info = self._login()
        self._server = info.server.rstrip("/")
        self._session = aiohttp.ClientSession(
            headers=info.as_http_headers(),
            connector=aiohttp.TCPConnector(ssl=info.as_ssl_context(), limit=0),  # watches hold theirs
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
            proxy=info.proxy_url,
            trust_env=info.trust_env,
        )
        return self._session


def _object(text: str, status: int, content_type: str) -> Json:
    try:
        found: Any = json.loads(text)
    except ValueError as error:
        raise unreadable(status, content_type) from error
    if not isinstance(found, dict):
        raise unreadable(status, content_type)
    return found  # pyright: ignore[reportUnknownVariableType]


def _path(kind: Kind, namespace: str, name: str = "", subresource: str = "") -> str:
    where = ("namespaces", namespace) if namespace else ()
    return "/".join(part for part in (kind.path, *where, kind.plural, name, subresource) if part)
