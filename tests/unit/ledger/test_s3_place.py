"""Messages name the server that is really asked, and the setting that says which one it is."""

from pathlib import Path

import pytest
from s3_fake import Answer, Request, failure, serving

from fedtrain.api.storage import S3
from fedtrain.ledger.s3_client import Patience, connect
from fedtrain.ledger.s3_place import place_of, settings_of
from fedtrain.ledger.s3_store import S3Store
from fedtrain.ledger.store import StoreError

ONCE = Patience(connect_seconds=60, read_seconds=60, attempts=1)
NOBODY = "http://127.0.0.1:1"


def said(s3: S3, by_address: bool = False) -> str:
    """What is said when the size of an object is asked for."""
    with pytest.raises(StoreError) as caught:
        S3Store(s3, patience=ONCE, by_address=by_address).size("default/run.json")
    return str(caught.value)


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_a_server_of_the_environment_is_named_with_its_variable(variable: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(variable, NOBODY)
    for by_address in (True, False):
        message = said(S3(bucket="federation"), by_address)
        assert message.startswith(f"No server answers at {NOBODY} (bucket 'federation', key 'default/run.json').")
        assert f"Check that the server runs, that {variable} is right" in message
        assert "AWS S3" not in message


def test_what_the_file_says_counts_before_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:2")
    message = said(S3(bucket="federation", endpoint=NOBODY))
    assert f"answers at {NOBODY} (bucket" in message
    assert "storage.s3.endpoint is right" in message


def test_a_server_of_a_profile_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "config").write_text(f"[default]\nendpoint_url = {NOBODY}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    assert f"answers at {NOBODY} (bucket" in said(S3(bucket="federation"))


def test_errors_of_a_run_named_by_its_address_mention_no_file(monkeypatch: pytest.MonkeyPatch):
    with serving(lambda request: failure(404, "NoSuchBucket")) as s3:
        monkeypatch.setenv("AWS_ENDPOINT_URL", str(s3.endpoint))
        message = said(S3(bucket="federation"), by_address=True)
    assert message.endswith(
        "there is no such bucket (NoSuchBucket). Create it, or correct the bucket in the run's address, "
        "AWS_ENDPOINT_URL or AWS_DEFAULT_REGION."
    )


@pytest.mark.parametrize(("by_address", "unset"), [(True, "AWS_ENDPOINT_URL"), (False, "storage.s3.endpoint")])
def test_aws_itself_is_called_so_with_its_region_and_what_would_name_another_server(by_address: bool, unset: str):
    s3 = S3(bucket="federation", region="eu-west-1")
    settings = settings_of(s3, None if by_address else "storage.s3")
    made = connect(s3, ONCE, None, settings).meta
    place = place_of(s3.bucket, s3, made.endpoint_url, made.region_name, settings)
    assert str(place) == "bucket 'federation' at AWS S3 (eu-west-1)"
    assert settings.endpoint == f"{unset} (not set)"


@pytest.mark.parametrize("endpoint", ["storage", "me:hunter2@storage:9000"])
def test_a_variable_that_holds_no_url_is_named(endpoint: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    with pytest.raises(
        StoreError, match=r"^AWS_ENDPOINT_URL: storage(:9000)? is not a URL; write it as `https://host:port`"
    ):
        S3Store(S3(bucket="federation"), by_address=True)


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (403, "SignatureDoesNotMatch", "Check AWS_SECRET_ACCESS_KEY"),
        (403, "InvalidAccessKeyId", "Check AWS_ACCESS_KEY_ID"),
        (403, "AccessDenied", "Grant s3:ListBucket on the bucket for this prefix"),
        (400, "ExpiredToken", "Log in again"),
    ],
)
def test_what_the_answer_to_a_head_leaves_out_is_asked_for(status: int, code: str, words: str):
    """A HEAD is answered by a status alone: 403 for wrong keys and for missing rights alike."""

    def answer(request: Request) -> Answer:
        return Answer(status, headers={"Content-Type": "none"}) if request.method == "HEAD" else failure(status, code)

    with serving(answer) as s3:
        message = said(s3)
    assert f"({code})" in message
    assert words in message
    assert "key 'default/run.json'" in message


def test_a_permission_that_is_missing_for_one_object_is_named():
    def answer(request: Request) -> Answer:
        if request.method == "HEAD":
            return Answer(403, headers={"Content-Type": "none"})
        return Answer(200, b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")

    with serving(answer) as s3:
        assert "HeadObject: access is denied (403). Grant s3:GetObject on this key" in said(s3)


@pytest.mark.parametrize("endpoint", [None, "https://storage:9000"])
def test_a_variable_that_holds_no_region_is_named(endpoint: str | None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu_central")
    if endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    s3 = S3(bucket="b")
    with pytest.raises(
        StoreError, match=r"^AWS_DEFAULT_REGION: eu_central is not a region; write it as `eu-central-1`"
    ):
        connect(s3, ONCE, None, settings_of(s3, None))


def test_a_proxy_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://storage.example:9000")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    message = said(S3(bucket="federation"), by_address=True)
    assert "HTTPS_PROXY or HTTP_PROXY" in message
    assert "NO_PROXY" in message
