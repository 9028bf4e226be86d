"""A participant behind a firewall: a proxy is its only way to a store whose certificate has a private authority."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from fedtrain.api.storage import S3
from fedtrain.contracts import names
from fedtrain.contracts.untrusted_records import Update
from fedtrain.ledger.s3_credentials import Keys
from fedtrain.ledger.store import StoreError
from hack.cluster.s3_server import S3Server
from tests.support.certificates import self_signed
from tests.support.connect_proxy import ConnectProxy
from tests.support.granting import LARGE, Run, train_task, update_record
from tests.support.link import Link


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    return self_signed(tmp_path / "authority.pem")


@pytest.fixture
def store(s3_server: S3Server, authority: Path) -> Iterator[Link]:
    """The store, for clients that use TLS."""
    with Link(s3_server.address, authority) as store:
        yield store


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[ConnectProxy]:
    """The proxy of the environment, for TLS only."""
    with ConnectProxy() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.setenv(name, "")
        yield proxy


def test_an_update_in_parts_and_a_download_pass_the_proxy_and_the_private_authority(
    s3_server: S3Server, store: Link, proxy: ConnectProxy, authority: Path, tmp_path: Path
) -> None:
    s3 = S3(bucket=f"bucket-{uuid.uuid4().hex[:12]}", endpoint=s3_server.endpoint, region=s3_server.region)
    s3_server.client.create_bucket(Bucket=s3.bucket)
    keys = Keys(key_id=s3_server.access_key, secret=s3_server.secret_key)
    hub = Run.begin(s3, keys, tmp_path)
    adapter, update = hub.tensors(LARGE, 1.0).read_bytes(), hub.tensors(LARGE, 2.0)
    task = train_task(hub.adapter(LARGE))
    trusting = {"endpoint": store.url, "ca_file": str(authority)}
    far = Run.begin(s3.model_copy(update=trusting), keys, tmp_path)
    grant = far.grants.grant(task, "uid-bank-a")
    assert grant.update is not None
    assert len(grant.update.parts) == 2
    proxy.asked.clear()

    participant = far.store_of(task, grant)
    (digest,) = (one for one in grant.blobs if hub.ledger.content(names.blob(one)) == adapter)
    participant.fetch(digest, tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == adapter
    participant.put_record(update_record(task, *participant.put_update(update)))
    assert proxy.asked == {store.url.removeprefix("https://")}
    hub.incoming("bank-a").admit("rounds/0001/")
    record = hub.ledger.read(names.update(1, "bank-a", 1), Update)
    assert record is not None
    assert hub.ledger.content(f"{names.update_folder(1, 'bank-a', 1)}/{record.file}") == update.read_bytes()

    far.s3 = s3.model_copy(update={"endpoint": store.url})
    with pytest.raises(StoreError, match="certificate"):
        far.store_of(task, grant).fetch(digest, tmp_path / "untrusted")
    proxy.cut()
    with pytest.raises(StoreError):
        participant.fetch(digest, tmp_path / "around the proxy")
