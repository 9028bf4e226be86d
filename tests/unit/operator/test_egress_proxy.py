"""A participant behind a firewall: its connections go through an HTTPS proxy, to servers with a private authority."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fedtrain_operator.kube.api_error import ApiError
from fedtrain_operator.kube.client import Cluster
from fedtrain_operator.kube.hub_access import connection

from fedtrain.api.storage import S3
from fedtrain.contracts.untrusted_records import Update
from fedtrain.contracts.wire.transfer import SignedRecord, SignedRequest, TransferGrant
from fedtrain.ledger.presigned_store import PresignedTaskStore
from fedtrain.ledger.store import StoreError
from fedtrain.manifests.kinds import TASK, Json
from fedtrain.manifests.settings import Hub
from tests.support.certificates import self_signed
from tests.support.connect_proxy import ConnectProxy
from tests.support.granting import IMPATIENT, train_task
from tests.support.tasks import DIGEST
from tests.unit.ledger.s3_fake import Answer, Request, failure, serving

TOKEN = "secret-token"


@pytest.fixture
def proxy() -> Iterator[ConnectProxy]:
    with ConnectProxy() as running:
        yield running


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    return self_signed(tmp_path / "authority.pem")


def host(s3: S3) -> str:
    return urlsplit(s3.endpoint or "").netloc


def list_tasks(server: S3, folder: Path, authority: Path, proxy: str | None) -> list[Json]:
    """As the operator does, with the files that the chart mounts."""
    (folder / "token").write_text(TOKEN)
    certificate = authority.read_text()
    (folder / "ca.crt").write_text(certificate[certificate.index("-----BEGIN CERTIFICATE") :])
    hub = Hub(
        server=server.endpoint or "", namespace="bank-b", participant="bank-b", credentials=str(folder), proxy=proxy
    )

    async def run() -> list[Json]:
        cluster = Cluster(lambda: connection(hub), ("bank-b",))
        try:
            return await cluster.list(TASK, "bank-b", {})
        finally:
            await cluster.close()

    return asyncio.run(run())


@pytest.mark.parametrize("setting", ["hub.proxy", "HTTPS_PROXY"])
def test_the_hub_is_reached_through_the_proxy_and_the_proxy_sees_no_token(
    setting: str, proxy: ConnectProxy, authority: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens: list[str] = []

    def answer(request: Request) -> Answer:
        tokens.append(request.headers["authorization"])
        return Answer(body=b'{"metadata": {}, "items": []}', headers={"Content-Type": "application/json"})

    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    if setting == "HTTPS_PROXY":
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    with serving(answer, authority) as server:
        assert list_tasks(server, tmp_path, authority, proxy.url if setting == "hub.proxy" else None) == []
        assert proxy.asked == {host(server)}
    assert tokens == [f"Bearer {TOKEN}"]


def test_a_proxy_that_does_not_answer_is_an_error_and_not_avoided(authority: Path, tmp_path: Path) -> None:
    with serving(lambda _: Answer(), authority) as server, ConnectProxy() as proxy:
        proxy.cut()
        with pytest.raises(ApiError, match="Unreachable"):
            list_tasks(server, tmp_path, authority, proxy.url)


@pytest.mark.parametrize("trusted", [True, False])
def test_the_store_is_reached_through_the_proxy_of_the_pods_environment(
    proxy: ConnectProxy, authority: Path, trusted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    with serving(lambda _: failure(404, "NoSuchKey"), authority) as server:
        read = SignedRequest(url=f"{server.endpoint}/federation/record?X-Amz-Signature=x")
        grant = TransferGrant(task="uid", record=SignedRecord(name="record", read=read, writes=()))
        s3 = server.model_copy(update={"ca_file": str(authority) if trusted else None})
        store = PresignedTaskStore(train_task(DIGEST), s3, lambda: grant, IMPATIENT)
        if trusted:
            assert store.existing(Update) is None
        else:
            with pytest.raises(StoreError, match="certificate"):
                store.existing(Update)
        assert proxy.asked == {host(server)}
