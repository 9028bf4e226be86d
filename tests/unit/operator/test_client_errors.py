"""Whatever prevents an answer of the API server is an ApiError, which one participant's refusal can hold."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import kopf
import pytest
from aiohttp import web
from fedtrain_operator.coordinator import requests as requests_module
from fedtrain_operator.coordinator.refusals import Refusals
from fedtrain_operator.coordinator.requests import Requests
from fedtrain_operator.kube import client
from fedtrain_operator.kube.api_error import ApiError
from fedtrain_operator.kube.client import Cluster

from fedtrain.manifests.kinds import TASK, Ref

TASK_REF = Ref("at-bank-b", "t")
TASK_BODY = {"metadata": {"name": "t", "namespace": "at-bank-b", "uid": "u", "resourceVersion": "1"}}


HANGS = Ref("at-bank-b", "hangs")
EMPTY = {"text": "{}", "content_type": "application/json"}


def with_server(answer: dict[str, Any], use: Callable[[Cluster], Coroutine[Any, Any, None]]) -> None:
    """Calls `use` with the client of a server that always gives this answer: arguments of web.Response. Requests for
    `HANGS` get none."""

    async def run() -> None:
        released = asyncio.Event()

        async def handler(request: web.Request) -> web.Response:
            if request.path.endswith(f"/{HANGS.name}"):
                await released.wait()
            return web.Response(**answer)

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        cluster = Cluster(lambda: kopf.ConnectionInfo(server=f"http://127.0.0.1:{runner.addresses[0][1]}"))
        try:
            await use(cluster)
        finally:
            released.set()
            await cluster.close()
            await runner.cleanup()

    asyncio.run(run())


@pytest.mark.parametrize(
    "answer",
    [
        {"text": "<html>Sign in</html>", "content_type": "text/html"},
        {"text": ""},
        {"body": b"\xff\xfe{}", "content_type": "application/json", "charset": "utf-8"},
        {"text": "[]", "content_type": "application/json"},
        {"text": "{}", "content_type": "application/json"},
    ],
    ids=["a page", "nothing", "not UTF-8", "a list", "not a list of objects"],
)
def test_an_answer_that_is_not_the_api_servers_is_an_error_that_may_pass(answer: dict[str, Any]) -> None:
    async def use(cluster: Cluster) -> None:
        with pytest.raises(ApiError, match=r"^Unreadable: ") as caught:
            await cluster.list(TASK, "at-bank-b", {})
        assert caught.value.may_pass

    with_server(answer, use)


_PROXY = {"text": "404 page not found", "status": 404}
_ABSENT = '{"kind": "Status", "reason": "NotFound", "message": "not found", "code": 404}'


@pytest.mark.parametrize(
    "send",
    [
        lambda cluster: cluster.get(TASK, TASK_REF),
        lambda cluster: cluster.patch(TASK, TASK_REF, {"metadata": {}}),
        lambda cluster: cluster.merge_status(TASK, TASK_REF, {}),
        lambda cluster: cluster.write_status(TASK, TASK_BODY, {}),
        lambda cluster: cluster.write_field(TASK, TASK_BODY, "/spec/desiredState", "Cancel"),
    ],
    ids=["get", "patch", "merge_status", "write_status", "write_field"],
)
def test_a_404_of_a_proxy_does_not_mean_that_the_object_is_gone(
    send: Callable[[Cluster], Coroutine[Any, Any, object]],
) -> None:
    async def use(cluster: Cluster) -> None:
        with pytest.raises(ApiError, match=r"^Unreadable: the answer \(404\) does not say what is missing") as caught:
            await send(cluster)
        assert caught.value.may_pass

    async def absent(cluster: Cluster) -> None:
        assert await send(cluster) is None

    with_server(_PROXY, use)
    with_server({"text": _ABSENT, "content_type": "application/json", "status": 404}, absent)


def test_a_closed_connection_is_an_error_and_the_next_request_opens_another() -> None:
    async def use(cluster: Cluster) -> None:
        assert await cluster.get(TASK, TASK_REF) == {}
        session = cluster._session  # pyright: ignore[reportPrivateUsage]
        assert session is not None
        await session.close()
        with pytest.raises(ApiError, match="Session is closed"):
            await cluster.get(TASK, TASK_REF)
        assert await cluster.get(TASK, TASK_REF) == {}
        session = cluster._session  # pyright: ignore[reportPrivateUsage]
        assert session is not None
        await session.close()
        with pytest.raises(ApiError, match="Session is closed"):
            await anext(cluster.watch(TASK, "at-bank-b", {}, "1"))

    with_server({"text": "{}", "content_type": "application/json"}, use)


def test_credentials_that_cannot_be_read_are_an_error() -> None:
    def login() -> kopf.ConnectionInfo:
        raise kopf.LoginError("/var/run/hub has no token")

    with pytest.raises(ApiError, match="has no token"):
        asyncio.run(Cluster(login).get(TASK, TASK_REF))


def test_such_an_answer_is_noted_for_the_participant_and_raises_nothing() -> None:
    async def use(cluster: Cluster) -> None:
        refusals = Refusals()
        requests = Requests(refusals, lambda: 0.0)

        async def send() -> None:
            await cluster.delete(TASK, TASK_REF)

        assert not await requests.attempt("bank-b", "delete its task", send)
        assert refusals.messages().startswith("bank-b: the API server did not answer a request to delete its task: ")

    with_server({"text": "<html>", "content_type": "text/html"}, use)


def test_a_request_that_hangs_ends_at_the_clients_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "TIMEOUT_SECONDS", 0.1)

    async def use(cluster: Cluster) -> None:
        with pytest.raises(ApiError, match=r"^Unreachable: .*Timeout") as caught:
            await cluster.get(TASK, HANGS)
        assert caught.value.may_pass

    with_server(EMPTY, use)


def test_a_request_that_hangs_for_one_participant_is_given_up_and_noted_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client would wait longer."""
    monkeypatch.setattr(requests_module, "PATIENCE_SECONDS", 0.1)

    async def use(cluster: Cluster) -> None:
        refusals = Refusals()
        requests = Requests(refusals, lambda: 0.0)

        assert not await requests.attempt("bank-b", "delete its task", lambda: cluster.delete(TASK, HANGS))
        words = "bank-b: the API server did not answer a request to delete its task: Timeout: no answer within 0 s"
        assert refusals.messages() == words
        monkeypatch.setattr(requests_module, "PATIENCE_SECONDS", 60.0)
        assert await requests.attempt("bank-a", "delete its task", lambda: cluster.delete(TASK, TASK_REF))

    with_server(EMPTY, use)
