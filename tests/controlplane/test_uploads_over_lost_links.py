"""The link between a participant and the store drops while an update is uploaded in parts: for moments, and past the
deadline of the round."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from fedtrain.api.storage import S3
from fedtrain.contracts import names
from fedtrain.contracts.transfer import PART
from fedtrain.contracts.untrusted_records import Update
from fedtrain.ledger.presigned_requests import Patience
from fedtrain.ledger.s3_credentials import Keys
from fedtrain.ledger.store import StoreError
from hack.cluster.s3_server import S3Server
from tests.support.granting import LARGE, Run, train_task, update_record
from tests.support.link import Link

PATIENT = Patience(outage_seconds=60.0, renewal_seconds=60.0)
HEADERS = 2**16
"""More bytes than the requests have besides the parts."""
EIGHTY_MEGABYTES = (10 * 2048, 1024)
"""Shape of the one tensor of such an update: ten parts, and an eleventh that is small."""


@pytest.fixture
def link(s3_server: S3Server) -> Iterator[Link]:
    with Link(s3_server.address) as link:
        yield link


@pytest.fixture
def hub(s3_server: S3Server, tmp_path: Path) -> Run:
    """The hub, whose own link to the store never fails."""
    bucket = f"bucket-{uuid.uuid4().hex[:12]}"
    s3_server.client.create_bucket(Bucket=bucket)
    s3 = S3(bucket=bucket, endpoint=s3_server.endpoint, region=s3_server.region)
    return Run.begin(s3, keys_of(s3_server), tmp_path)


@pytest.fixture
def far(hub: Run, link: Link, s3_server: S3Server, tmp_path: Path) -> Run:
    """The same run, in requests that are signed for the link."""
    return Run.begin(hub.s3.model_copy(update={"endpoint": link.url}), keys_of(s3_server), tmp_path)


def keys_of(s3_server: S3Server) -> Keys:
    return Keys(key_id=s3_server.access_key, secret=s3_server.secret_key)


def test_a_link_that_drops_during_an_upload_of_80_megabytes_resends_at_most_one_part(
    hub: Run, far: Run, link: Link
) -> None:
    task, update = train_task(hub.adapter(EIGHTY_MEGABYTES)), hub.tensors(EIGHTY_MEGABYTES, 2.0)
    store = far.store_of(task, patience=PATIENT)
    dropped: list[bool] = []

    def wait(seconds: float) -> None:
        dropped.append(link.is_cut)
        link.heal()

    store._requests._sleep = wait  # pyright: ignore[reportPrivateUsage]
    before = link.sent
    link.cut_at = before + 7 * PART // 2
    name, digest, size = store.put_update(update)
    assert True in dropped
    assert size <= link.sent - before <= size + PART + HEADERS
    store.put_record(update_record(task, name, digest, size))
    hub.incoming("bank-a").admit("rounds/0001/")
    record = hub.ledger.read(names.update(1, "bank-a", 1), Update)
    assert record is not None
    assert hub.ledger.content(f"{names.update_folder(1, 'bank-a', 1)}/{record.file}") == update.read_bytes()


def test_a_link_that_drops_during_an_upload_past_the_deadline_leaves_nothing_and_the_next_round_is_delivered(
    hub: Run, far: Run, link: Link, s3_server: S3Server
) -> None:
    adapter = hub.adapter(LARGE)
    late, update = train_task(adapter), hub.tensors(LARGE, 2.0)
    store = far.store_of(late, patience=PATIENT)

    dropped: list[bool] = []

    def wait(seconds: float) -> None:
        dropped.append(link.is_cut)
        hub.incoming("bank-a").close("rounds/0001/")  # the deadline has passed
        link.heal()

    store._requests._sleep = wait  # pyright: ignore[reportPrivateUsage]
    link.cut_at = link.sent + PART // 2
    with pytest.raises(StoreError):
        store.put_update(update)
    assert dropped[0]
    hub.incoming("bank-a").admit("rounds/0001/")
    assert hub.ledger.names("rounds/") == []
    assert not s3_server.client.list_multipart_uploads(Bucket=hub.s3.bucket).get("Uploads")

    following = train_task(adapter, round=2)
    store = far.store_of(following)
    store.put_record(update_record(following, *store.put_update(update)))
    hub.incoming("bank-a").admit("rounds/0002/")
    assert hub.ledger.read(names.update(2, "bank-a", 1), Update) is not None
