"""Our signatures are boto's, for every sort of request, address and key."""

from datetime import UTC, datetime
from typing import Any

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from fedtrain.api.storage import S3
from fedtrain.contracts.wire.signed_request_lifetime import LIFETIME_SECONDS
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.s3_credentials import Fixed, Keys
from fedtrain.ledger.s3_signer import S3Signer
from fedtrain.ledger.s3_store import S3Store

NOW = datetime(2026, 11, 28, 12, 0, 1, tzinfo=UTC)
PLACES = {
    "path": S3(bucket="runs", endpoint="http://store:9000", region="eu-central-1", prefix="team a/ü"),
    "default port": S3(bucket="runs", endpoint="https://s3.example.org:443/at", region="x"),
    "virtual host": S3(bucket="runs", endpoint="https://s3.example.org", region="x", path_style=False),
    "AWS": S3(bucket="runs", region="eu-west-1", path_style=False),
}


@pytest.mark.parametrize("token", [None, "se+ss/ion="])
@pytest.mark.parametrize("s3", PLACES.values(), ids=PLACES.keys())
def test_signatures_are_those_of_boto(s3: S3, token: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    store = S3Store(s3, credentials=Fixed(Keys(key_id="AKID/EXAMPLE", secret="se+cret", token=token)))
    ledger = Ledger(store, "hub", "tickets")
    signer = S3Signer(store, ledger, lambda: NOW)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_, **__: NOW.replace(tzinfo=None))
    key = {"Bucket": "runs", "Key": store.object_key(ledger.key("rounds/0001/a b~(1).json"))}

    def boto(operation: str, **parameters: Any) -> str:
        return store.client.generate_presigned_url(operation, Params=key | parameters, ExpiresIn=LIFETIME_SECONDS)

    name, upload = "rounds/0001/a b~(1).json", "id+/="
    pairs = [
        (signer.get(name).url, boto("get_object")),
        (signer.create(name, 7).url, boto("put_object", ContentLength=7, IfNoneMatch="*")),
        (signer.part(name, upload, 3, 7).url, boto("upload_part", ContentLength=7, UploadId=upload, PartNumber=3)),
        (signer.parts(name, upload).url, boto("list_parts", UploadId=upload)),
    ]
    for ours, theirs in pairs:
        assert parsed(ours) == parsed(theirs)


@pytest.mark.parametrize("token", [None, "se+ss/ion="])
@pytest.mark.parametrize("s3", PLACES.values(), ids=PLACES.keys())
def test_signed_headers_are_those_of_boto(s3: S3, token: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    store = S3Store(s3, credentials=Fixed(Keys(key_id="AKID/EXAMPLE", secret="se+cret", token=token)))
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_, **__: NOW.replace(tzinfo=None))
    url, headers = store.signatures.get(store.object_key("hub/a b~(1).json"), NOW)
    request = AWSRequest("GET", url)
    botocore.auth.S3SigV4Auth(Credentials("AKID/EXAMPLE", "se+cret", token), "s3", region(store)).add_auth(request)
    assert {name.lower(): value for name, value in headers.items()} == {
        name.lower(): value for name, value in request.headers.items()
    }


def region(store: S3Store) -> str:
    return store.client.meta.region_name


def parsed(url: str) -> tuple[str, list[str]]:
    """The order of parameters does not matter."""
    address, _, query = url.partition("?")
    return address.replace(":443", ""), sorted(query.split("&"))
