"""The operator reads the bucket's keys from the training's Secret as pods read them from its files."""

import base64
from typing import Any

import pytest
from fedtrain_operator.coordinator.stores import NoCredentials, open_ledger

from fedtrain.api.storage import S3, Storage
from fedtrain.ledger.s3_credentials import Credentials, Keys
from fedtrain.manifests.kinds import Json

STORAGE = Storage(type="S3", s3=S3(bucket="fed", endpoint="http://127.0.0.1:9"))


def secret(**content: bytes) -> Json:
    data = {key: base64.b64encode(value).decode() for key, value in content.items()}
    return {"metadata": {"name": "bucket-keys"}, "data": data}


def test_a_line_end_after_a_key_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[Credentials] = []

    def store(*_: Any, credentials: Credentials, **__: Any) -> None:
        used.append(credentials)

    monkeypatch.setattr("fedtrain_operator.coordinator.stores.S3Store", store)
    keys = secret(AWS_ACCESS_KEY_ID=b"AKIDEXAMPLE\n", AWS_SECRET_ACCESS_KEY=b"very-secret\r\n", AWS_SESSION_TOKEN=b"\n")
    open_ledger(STORAGE, "hub", "tickets", keys)
    assert [one.read() for one in used] == [Keys(key_id="AKIDEXAMPLE", secret="very-secret")]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [(b"\xff\xfe", r"\): AWS_SECRET_ACCESS_KEY is not UTF-8 text"), (b" \n", r"\) has no AWS_SECRET_ACCESS_KEY")],
)
def test_a_key_that_cannot_be_used_is_named(wrong: bytes, message: str) -> None:
    with pytest.raises(NoCredentials, match=message):
        open_ledger(STORAGE, "hub", "tickets", secret(AWS_ACCESS_KEY_ID=b"AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY=wrong))
