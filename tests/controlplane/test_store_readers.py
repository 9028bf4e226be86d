"""An account of the store that a participant may have for its inputs: it opens neither the ledger nor anything else."""

import uuid
from pathlib import Path

import pytest

from fedtrain.api.storage import S3, S3Access
from fedtrain.contracts.places import Place
from fedtrain.data.downloads import downloaded
from fedtrain.ledger.s3_credentials import Fixed, Keys
from fedtrain.ledger.s3_store import S3Store
from fedtrain.ledger.store import StoreRefused
from hack.cluster.s3_server import S3Server


def test_a_reader_downloads_a_base_model_and_is_refused_everything_else(
    s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs, ledger = (f"{name}-{uuid.uuid4().hex[:12]}" for name in ("inputs", "ledger"))
    for bucket in (inputs, ledger):
        s3_server.client.create_bucket(Bucket=bucket)
        s3_server.client.put_object(Bucket=bucket, Key="base/config.json", Body=b"{}")
    keys = s3_server.create_reader(inputs)
    for name, value in {**keys, "FEDTRAIN_CACHE": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    place = Place(
        name="base", s3=S3Access(endpoint=s3_server.endpoint, region=s3_server.region), setting="baseModel.s3"
    )
    assert (downloaded(f"s3://{inputs}/base", place) / "config.json").read_bytes() == b"{}"
    with pytest.raises(StoreRefused):
        downloaded(f"s3://{ledger}/base", place)

    reader = Fixed(Keys(key_id=keys["AWS_ACCESS_KEY_ID"], secret=keys["AWS_SECRET_ACCESS_KEY"]))
    for bucket in (inputs, ledger):
        s3 = S3(bucket=bucket, endpoint=s3_server.endpoint, region=s3_server.region)
        with pytest.raises(StoreRefused):
            S3Store(s3, credentials=reader).create("rounds/0001/updates/x", b"x")
    with pytest.raises(StoreRefused):
        S3Store(s3, credentials=reader).get("base/config.json")
