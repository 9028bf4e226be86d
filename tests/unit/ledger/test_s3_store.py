"""What a bucket's server may do to us: refusals that say what to do, lost replies, and no answer at all."""

import threading
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from s3_fake import Answer, Request, failure, serving

from fedtrain.api.storage import S3, Storage
from fedtrain.ledger import s3_upload
from fedtrain.ledger.open import open_store
from fedtrain.ledger.s3_client import Patience
from fedtrain.ledger.s3_reader import AHEAD
from fedtrain.ledger.s3_store import S3Store
from fedtrain.ledger.store import ObjectMissing, ObjectTooLarge, StoreError, StoreRefused, StoreUnavailable

TWICE = Patience(connect_seconds=60, read_seconds=60, attempts=2)
ONCE = Patience(connect_seconds=60, read_seconds=60, attempts=1)
PAGE = Answer(200, b"<html><body>Welcome to the console</body></html>", {"Content-Type": "text/html"})


def refusal(s3: S3, patience: Patience = ONCE) -> StoreError:
    """The error of a write to `s3`, which names the place and holds no credential."""
    with pytest.raises(StoreError) as caught:
        S3Store(s3, patience=patience).create("default/run.json", b"{}")
    message = str(caught.value)
    assert "AKIDEXAMPLE" not in message
    assert "very-secret" not in message
    assert repr(s3.bucket) in message
    assert "default/run.json" in message
    return caught.value


@pytest.mark.parametrize(
    ("status", "code", "kind", "words"),
    [
        (404, "NoSuchBucket", StoreError, "there is no such bucket"),
        (
            403,
            "AccessDenied",
            StoreRefused,
            "PutObject: access is denied (AccessDenied). Grant s3:PutObject on this key",
        ),
        (403, "SignatureDoesNotMatch", StoreRefused, "AWS_SECRET_ACCESS_KEY"),
        (403, "InvalidAccessKeyId", StoreRefused, "doesn't know this access key"),
        (400, "ExpiredToken", StoreUnavailable, "Log in again"),
        (403, "RequestTimeTooSkewed", StoreError, "clock"),
        (400, "AuthorizationHeaderMalformed", StoreError, "storage.s3.region"),
        (501, "NotImplemented", StoreError, "If-None-Match"),
        (507, "XMinioStorageFull", StoreRefused, "store is full"),
        (503, "SlowDown", StoreUnavailable, "busy"),
        (500, "InternalError", StoreUnavailable, "busy or failing"),
        (418, "Teapot", StoreError, "refused with Teapot (The server's words)"),
        (409, "ConditionalRequestConflict", StoreUnavailable, "who was first"),
    ],
)
def test_every_refusal_says_what_it_means(status: int, code: str, kind: type[StoreError], words: str):
    with serving(lambda request: failure(status, code)) as s3:
        error = refusal(s3)
        assert type(error) is kind
        assert words in str(error)
        assert str(s3.endpoint) in str(error)


def test_a_bucket_that_is_not_there_is_named_by_every_act(s3_server: str, tmp_path: Path):
    store = S3Store(S3(bucket="no-such-bucket", endpoint=s3_server))
    acts: list[Any] = [store.get, store.size, store.open, lambda k: store.create(k, b""), lambda k: list(store.keys(k))]
    for act in acts:
        with pytest.raises(StoreError, match=r"bucket 'no-such-bucket' at http.*there is no such bucket"):
            act("key")


def test_a_port_where_nothing_listens_may_be_tried_again():
    with serving(lambda request: Answer()) as s3:
        pass
    error = refusal(s3)
    assert type(error) is StoreUnavailable
    assert f"{s3.endpoint}" in str(error)
    assert "Check that the server runs" in str(error)


def test_a_server_that_hangs_is_given_up_after_bounded_attempts():
    done, requests = threading.Event(), list[Request]()

    def hang(request: Request) -> Answer:
        requests.append(request)
        done.wait(300)
        return Answer(silent=True)

    with serving(hang) as s3:
        error = refusal(s3, Patience(connect_seconds=60, read_seconds=0.4, attempts=2))
        done.set()
    assert type(error) is StoreUnavailable
    assert "did not answer in time" in str(error)
    assert len(requests) == 2


@pytest.mark.parametrize("page", [PAGE, Answer(404, PAGE.body, PAGE.headers), Answer(405, PAGE.body, PAGE.headers)])
def test_a_web_page_instead_of_s3_is_recognised(page: Answer):
    with serving(lambda request: page) as s3:
        store = S3Store(s3, patience=ONCE)
        for act in (
            lambda: store.create("default/run.json", b"{}"),
            lambda: store.get("default/run.json"),
            lambda: store.size("default/run.json"),
            lambda: list(store.keys("default/")),
        ):
            with pytest.raises(StoreError, match=r"speak S3.*storage\.s3\.endpoint"):
                act()


def test_without_credentials_it_says_where_they_are_looked_for(s3_server: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    error = refusal(S3(bucket="federation", endpoint=s3_server))
    assert "No credentials" in str(error)
    assert "AWS_PROFILE" in str(error)


def test_a_password_in_the_endpoint_is_not_shown():
    with serving(lambda request: failure(403, "AccessDenied")) as s3:
        port = str(s3.endpoint).rpartition(":")[2]
        error = refusal(S3(bucket="federation", endpoint=f"http://me:hunter2@127.0.0.1:{port}", region="us-east-1"))
    assert "hunter2" not in str(error)
    assert f"http://127.0.0.1:{port}" in str(error)


def test_the_block_is_checked_before_any_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(StoreError, match=r"storage\.s3\.endpoint.*https://host:port"):
        S3Store(S3(bucket="federation", endpoint="not a url"))
    with pytest.raises(StoreError, match=r"storage\.s3\.caFile.*none\.pem"):
        S3Store(S3(bucket="federation", ca_file=str(tmp_path / "none.pem")))
    (tmp_path / "bad.pem").write_text("no certificate")
    with pytest.raises(StoreError, match=r"storage\.s3\.caFile.*bad\.pem"):
        S3Store(S3(bucket="federation", ca_file=str(tmp_path / "bad.pem")))
    with pytest.raises(StoreError, match=r"storage\.s3 must say"):
        open_store(Storage(type="S3"))
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(StoreError, match=r"AWS_PROFILE"):
        S3Store(S3(bucket="federation"))


class LosingReplies:
    """Takes the first PUT and loses the reply; then behaves. `stored` is what other requests find."""

    def __init__(self, stored: bytes | None = None) -> None:
        self.stored = stored
        self.puts = 0

    def __call__(self, request: Request) -> Answer:
        if request.method == "PUT":
            self.puts += 1
            if self.stored is None:
                assert request.headers["if-none-match"] == "*"
                self.stored = request.body
                return Answer(silent=True)
            return Answer(silent=True) if self.puts == 1 else failure(412, "PreconditionFailed")
        stored = self.stored or b""
        return Answer(200, stored if request.method == "GET" else b"", {"Content-Length": str(len(stored))})


def test_a_won_write_whose_reply_was_lost_is_won():
    with serving(LosingReplies()) as s3:
        assert S3Store(s3, patience=TWICE).create("default/run.json", b"mine") is True


@pytest.mark.parametrize("other", [b"theirs", b"them"])
def test_a_lost_reply_does_not_turn_another_writers_object_into_ours(other: bytes):
    with serving(LosingReplies(other)) as s3:
        assert S3Store(s3, patience=TWICE).create("default/run.json", b"mine") is False


def test_an_equal_object_that_was_there_before_is_not_won():
    with serving(lambda request: failure(412, "PreconditionFailed")) as s3:
        assert S3Store(s3, patience=ONCE).create("default/run.json", b"mine") is False


@pytest.mark.parametrize("first", [failure(409, "ConditionalRequestConflict"), failure(503, "SlowDown")])
def test_a_server_that_could_not_decide_or_was_busy_is_asked_again(first: Answer):
    answers = [first, Answer()]
    with serving(lambda request: answers.pop(0)) as s3:
        assert S3Store(s3, patience=TWICE).create("default/run.json", b"mine") is True
    assert answers == []


def test_a_body_that_breaks_off_is_asked_for_again():
    answers = [Answer(body=b"ha", broken=True), Answer(body=b"whole")]
    with serving(lambda request: answers.pop(0)) as s3:
        assert S3Store(s3, patience=TWICE).get("default/run.json") == b"whole"


def test_a_body_that_keeps_breaking_off_may_be_tried_later():
    with (
        serving(lambda request: Answer(body=b"ha", broken=True)) as s3,
        pytest.raises(StoreUnavailable, match=r"key 'p/default/run\.json': the answer keeps breaking off"),
    ):
        S3Store(s3.model_copy(update={"prefix": "p"}), patience=TWICE).get("default/run.json")


@pytest.mark.parametrize(
    "answer",
    [failure(503, "SlowDown"), Answer(silent=True), Answer(body=b"ha", broken=True), Answer(404, b"gone"), PAGE],
)
def test_a_later_object_is_asked_for_again_as_well(answer: Answer):
    answers = [Answer(body=b"first"), answer, Answer(body=b"second")]
    with serving(lambda request: answers.pop(0)) as s3:
        store = S3Store(s3, patience=ONCE)
        assert [store.get("one"), store.get("two")] == [b"first", b"second"]


def test_a_later_object_is_explained_as_well():
    answers = [Answer(body=b"first"), *[Answer(body=b"second")] * 2, *[failure(404, "NoSuchKey")] * 2]
    with serving(lambda request: answers.pop(0)) as s3:
        store = S3Store(s3, patience=ONCE)
        assert store.get("one") == b"first"
        with pytest.raises(ObjectTooLarge, match="two has 6 bytes; at most 5 are read"):
            store.get("two", 5)
        with pytest.raises(ObjectMissing, match="key 'three': there is no such object"):
            store.get("three")


def test_an_answer_that_a_proxy_sends_in_chunks_is_refused_because_its_length_is_not_known():
    chunks = Answer(body=b"5\r\nwhole\r\n0\r\n\r\n", headers={"Transfer-Encoding": "chunked"})
    with serving(lambda request: chunks) as s3:
        store = S3Store(s3, patience=ONCE)
        for read in (store.get, store.size, store.open):
            with pytest.raises(StoreError, match=r"key 'run\.json': the answer has no Content-Length\. Let proxies"):
                read("run.json")


@pytest.mark.parametrize(
    "answer", [Answer(200, headers={"Content-Type": "none"}), Answer(404), Answer(405), Answer(503)]
)
def test_messages_name_the_whole_key(answer: Answer):
    with serving(lambda request: answer) as s3:
        store = S3Store(s3.model_copy(update={"prefix": "p"}), patience=ONCE)
        for read in (store.get, store.open):
            with pytest.raises(StoreError, match=r"key 'p/default/run\.json'"):
                read("default/run.json")


def test_a_server_that_does_not_say_when_an_object_was_written():
    with serving(lambda request: Answer(body=b"content")) as s3:
        assert S3Store(s3, patience=ONCE).modified("key") is None


def test_a_server_that_ignores_ranges_is_found_out():
    with serving(lambda request: Answer(body=b"x" * 10)) as s3:
        reader = S3Store(s3, patience=ONCE).open("key")
        with pytest.raises(StoreError, match="received 10 bytes instead of 4"):
            reader.read(6, 4)


def test_an_upload_in_parts_that_comes_second_loses_and_its_parts_are_deleted(
    bucket: S3, s3_admin: Any, tmp_path: Path
):
    path = tmp_path / "content"
    path.write_bytes(b"a" * (6 * 1024 * 1024))
    s3_admin.put_object(Bucket=bucket.bucket, Key="large", Body=b"first")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3_upload.in_parts(s3_admin, bucket.bucket, "large", path, path.stat().st_size)
    assert s3_admin.get_object(Bucket=bucket.bucket, Key="large")["Body"].read() == b"first"
    assert "Uploads" not in s3_admin.list_multipart_uploads(Bucket=bucket.bucket)


def test_small_tensors_come_in_one_request():
    content, ranges = bytes(range(200)), list[str]()

    def answer(request: Request) -> Answer:
        ranges.append(request.headers["range"])
        return Answer(206, content, {"Content-Range": "bytes 0-199/200"})

    with serving(answer) as s3:
        reader = S3Store(s3).open("key")
        assert b"".join(bytes(reader.read(at, 10)) for at in range(0, 200, 10)) == content
    assert ranges == [f"bytes=0-{AHEAD - 1}"]


def test_a_listing_of_several_pages_has_the_keys_of_all():
    def answer(request: Request) -> Answer:
        key, more = ("2", b"false") if "continuation-token=next" in request.path else ("1", b"true")
        entry = f"<Contents><Key>runs/{key}</Key></Contents>".encode()
        token = b"<NextContinuationToken>next</NextContinuationToken>"
        return Answer(200, b"<R><IsTruncated>" + more + b"</IsTruncated>" + entry + token + b"</R>")

    with serving(answer) as s3:
        assert list(S3Store(s3).keys("runs/")) == ["runs/1", "runs/2"]
