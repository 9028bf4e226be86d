"""Credentials of the hub are read from a folder, again when they no longer work."""

import asyncio
import base64
import json
from pathlib import Path

import kopf
import pytest
from aiohttp import web
from fedtrain_operator.kube.api_error import ApiError
from fedtrain_operator.kube.client import Cluster
from fedtrain_operator.kube.hub_access import connection, newest
from fedtrain_operator.main import login

from fedtrain.manifests.kinds import TASK
from fedtrain.manifests.settings import Hub
from fedtrain.manifests.token_claims import expires_at


def token(issued: int) -> str:
    payload = base64.urlsafe_b64encode(json.dumps({"iat": issued, "exp": issued + 60}).encode()).decode().rstrip("=")
    return f"e30.{payload}.signature"


def hub(folder: Path, server: str = "https://hub.example.org", proxy: str | None = None) -> Hub:
    return Hub(server=server, namespace="bank-b", participant="bank-b", credentials=str(folder), proxy=proxy)


def test_the_token_that_was_issued_last_is_used(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(token(100) + "\n")
    assert connection(hub(tmp_path)).token == token(100)
    (tmp_path / "renewed-token").write_text(token(200))
    assert connection(hub(tmp_path)).token == token(200)
    (tmp_path / "token").write_text(token(300))  # a new invitation
    assert connection(hub(tmp_path)).token == token(300)
    assert expires_at(token(300)) == 360


def test_tokens_that_cannot_be_read_are_older_than_all_others() -> None:
    assert newest(["opaque", token(1), "a.b.c", None, ""]) == token(1)
    assert newest(["opaque"]) == "opaque"
    assert newest([None]) is None


def test_a_folder_without_a_token_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(kopf.LoginError, match="has no token"):
        connection(hub(tmp_path))


def test_the_environments_proxy_is_used_unless_one_is_set(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(token(1))
    assert connection(hub(tmp_path)).trust_env
    info = connection(hub(tmp_path, proxy="http://proxy:3128"))
    assert (info.trust_env, info.proxy_url) == (False, "http://proxy:3128")


class Server:
    """Accepts one token, and says how often it was asked. Also an HTTP proxy: it notes whole URLs."""

    def __init__(self) -> None:
        self.accepted = ""
        self.asked: list[str] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.raw_path)
        if request.headers.get("Authorization") != f"Bearer {self.accepted}":
            return web.json_response({"reason": "Unauthorized", "message": "Unauthorized"}, status=401)
        return web.json_response({"metadata": {}, "items": []})


async def started(server: Server) -> tuple[web.AppRunner, str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"


def test_a_token_that_changed_is_read_again_without_a_restart(tmp_path: Path) -> None:
    async def run() -> None:
        server = Server()
        runner, address = await started(server)
        (tmp_path / "token").write_text(token(1))
        server.accepted = token(1)
        cluster = Cluster(lambda: connection(hub(tmp_path, address)), ("bank-b",))
        assert await cluster.list(TASK, "bank-b", {}) == []
        server.accepted = token(2)  # the first one was revoked
        with pytest.raises(ApiError, match="401 Unauthorized: the token is not accepted: it was revoked"):
            await cluster.list(TASK, "bank-b", {})
        (tmp_path / "token").write_text(token(2))
        assert await cluster.list(TASK, "bank-b", {}) == []
        await cluster.close()
        await runner.cleanup()

    asyncio.run(run())


def test_requests_go_through_the_proxy(tmp_path: Path) -> None:
    async def run() -> None:
        proxy = Server()
        runner, address = await started(proxy)
        (tmp_path / "token").write_text(token(1))
        proxy.accepted = token(1)
        cluster = Cluster(lambda: connection(hub(tmp_path, "http://hub.invalid", address)), ("bank-b",))
        assert await cluster.list(TASK, "bank-b", {}) == []
        assert proxy.asked[0].startswith("http://hub.invalid/apis/fedtrain.dev/")
        await cluster.close()
        await runner.cleanup()

    asyncio.run(run())


def test_a_kubeconfig_outranks_the_pods_service_account(monkeypatch: pytest.MonkeyPatch) -> None:
    def named(server: str) -> kopf.ConnectionInfo:
        return kopf.ConnectionInfo(server=server)

    monkeypatch.setattr(kopf, "login_with_service_account", lambda **_: named("https://hub"))  # pyright: ignore
    monkeypatch.setattr(kopf, "login_with_kubeconfig", lambda **_: named("https://site"))  # pyright: ignore
    monkeypatch.setenv("KUBECONFIG", "/var/run/fedtrain/cluster/kubeconfig")
    assert login(kopf.OperatorSettings()).server == "https://site"
    monkeypatch.delenv("KUBECONFIG")
    assert login(kopf.OperatorSettings()).server == "https://hub"
