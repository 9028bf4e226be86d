"""Ranges of objects: what they cost in requests, and that what goes wrong is repeated and explained as always."""

import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from s3_fake import Answer, Request, failure, serving

from fedtrain.api.storage import S3
from fedtrain.ledger import s3_ranges
from fedtrain.ledger.s3_client import Patience
from fedtrain.ledger.s3_credentials import Credentials, MountedSecret
from fedtrain.ledger.s3_reader import AHEAD
from fedtrain.ledger.s3_store import S3Store
from fedtrain.ledger.store import ObjectMissing, ObjectReader, StoreError, StoreRefused, StoreUnavailable

ONCE = Patience(connect_seconds=60, read_seconds=60, attempts=1)
TWICE = Patience(connect_seconds=60, read_seconds=60, attempts=2)
CONTENT = bytes(range(256)) * (4 * AHEAD // 256)


class Server:
    """Holds CONTENT. The first answers after the opening are `answers`; None is the right one. `ranges`, `signatures`:
    those of all GETs after the opening."""

    def __init__(self, *answers: Answer | Callable[[bytes], Answer] | None) -> None:
        self._answers = list(answers)
        self.ranges: list[tuple[int, int]] = []
        self.signatures: list[str] = []
        self._opened = False

    def __call__(self, request: Request) -> Answer:
        assert request.method == "GET", "the answer that has the beginning has the size as well"
        first, last = (int(part) for part in request.headers["range"].removeprefix("bytes=").split("-"))
        content = CONTENT[first : last + 1]
        right = Answer(206, content, {"Content-Range": f"bytes {first}-{last}/{len(CONTENT)}"})
        if not self._opened:
            self._opened = True
            return right
        self.ranges.append((first, last + 1))
        self.signatures.append(request.headers["authorization"])
        answer = self._answers.pop(0) if self._answers else None
        if answer is None:
            return right
        return answer if isinstance(answer, Answer) else answer(content)


def opened(s3: S3, patience: Patience = ONCE, credentials: Credentials | None = None) -> ObjectReader:
    """A reader that holds nothing of the object."""
    reader = S3Store(s3, patience=patience, credentials=credentials).open("key")
    reader.release()
    return reader


def blocks(reader: ObjectReader, size: int = AHEAD) -> bytes:
    return b"".join(bytes(reader.read(at, size)) for at in range(0, len(CONTENT), size))


def test_opening_takes_one_request_that_has_the_beginning() -> None:
    server = Server()
    with serving(server) as s3:
        reader = S3Store(s3, patience=ONCE).open("key")
        assert reader.size == len(CONTENT)
        assert b"".join(bytes(reader.read(at, 1000)) for at in range(0, 9000, 1000)) == CONTENT[:9000]
    assert server.ranges == []


def test_a_small_object_takes_one_request_in_all() -> None:
    answers = [Answer(206, b"small", {"Content-Range": "bytes 0-4/5"})]
    with serving(lambda request: answers.pop()) as s3:
        reader = S3Store(s3, patience=ONCE).open("key")
        reader.stream(0)
        assert reader.read(0, reader.size) == b"small"


def test_one_signature_serves_all_ranges_of_an_object() -> None:
    server = Server()
    with serving(server) as s3:
        assert blocks(opened(s3)) == CONTENT
    assert server.ranges == [(at, at + AHEAD) for at in range(0, len(CONTENT), AHEAD)]
    assert len(set(server.signatures)) == 1
    assert "range" not in server.signatures[0].lower()


def test_a_signature_that_is_old_is_renewed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    server, secret = Server(), tmp_path / "AWS_ACCESS_KEY_ID"
    (tmp_path / "AWS_SECRET_ACCESS_KEY").write_text("secret")
    monkeypatch.setattr(s3_ranges, "_SIGNED_SECONDS", -1.0)
    with serving(server) as s3:
        secret.write_text("old")
        reader = opened(s3, credentials=MountedSecret(tmp_path))
        reader.read(0, AHEAD)
        secret.write_text("new")
        reader.read(AHEAD, AHEAD)
    assert [key_of(signature) for signature in server.signatures] == ["old", "new"]


def test_keys_that_expire_while_an_object_is_read_are_read_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file, valid, seen = tmp_path / "credentials", ["old"], list[str]()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    server = Server()

    def answer(request: Request) -> Answer:
        seen.append(key_of(request.headers["authorization"]))
        return server(request) if seen[-1] == valid[0] else failure(400, "ExpiredToken")

    with serving(answer) as s3:
        file.write_text("[bank]\naws_access_key_id = old\naws_secret_access_key = secret\n")
        reader = opened(s3.model_copy(update={"profile": "bank"}), TWICE)
        reader.read(0, AHEAD)
        valid[0] = "new"
        file.write_text("[bank]\naws_access_key_id = new\naws_secret_access_key = secret\n")
        assert blocks(reader) == CONTENT
    assert seen[:4] == ["old"] * 4, "to open it, to read a block, and twice before the keys are read again"
    assert set(seen[4:]) == {"new"}


def test_a_stream_takes_one_request() -> None:
    server = Server()
    with serving(server) as s3:
        reader = opened(s3)
        for first in (0, AHEAD):
            reader.stream(first)
            assert (
                b"".join(bytes(reader.read(at, 1000)) for at in range(first, first + 5000, 1000))
                == (CONTENT[first : first + 5000])
            )
            reader.release()
        assert reader.read(7, 9) == CONTENT[7:16], "other reads are possible"
        assert reader.read(AHEAD + 5000, 9) == CONTENT[AHEAD + 5000 : AHEAD + 5009]
        reader.stream(len(CONTENT))
        reader.close()
    assert server.ranges == [(0, len(CONTENT)), (AHEAD, len(CONTENT)), (7, 7 + AHEAD)]


@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize("tls", [True, False])
def test_bytes_come_in_the_memory_of_the_reader(streamed: bool, tls: bool, certificate: Path) -> None:
    memory = memoryview(bytearray(AHEAD + 7))
    with serving(Server(), certificate if tls else None) as s3:
        reader = opened(s3.model_copy(update={"ca_file": str(certificate)}) if tls else s3)
        if streamed:
            reader.stream(0)
        for at in range(0, len(CONTENT), AHEAD):
            found = reader.read(at, AHEAD, memory)
            assert memory[:AHEAD] == found == CONTENT[at : at + AHEAD]


def test_a_stream_that_has_been_read_leaves_its_connection_to_others() -> None:
    connections: list[int] = []
    server = Server()

    def answer(request: Request) -> Answer:
        connections.append(request.connection)
        return server(request)

    with serving(answer) as s3:
        reader = opened(s3)
        for _ in range(3):
            reader.stream(0)
            assert blocks(reader) == CONTENT
    assert len(connections) == 4
    assert len(set(connections)) == 1


def test_a_stream_trusts_a_private_authority(certificate: Path) -> None:
    server = Server()
    with serving(server, certificate) as s3:
        reader = opened(s3.model_copy(update={"ca_file": str(certificate)}))
        reader.stream(0)
        assert blocks(reader) == CONTENT
    assert server.ranges == [(0, len(CONTENT))]


def test_a_stream_that_breaks_off_continues_where_it_was() -> None:
    server = Server(
        lambda content: Answer(206, content[: AHEAD + 9], {"Content-Length": str(len(content))}, broken=True)
    )
    with serving(server) as s3:
        reader = opened(s3)
        reader.stream(0)
        assert blocks(reader) == CONTENT
    assert server.ranges == [(0, len(CONTENT)), (AHEAD, 2 * AHEAD), (2 * AHEAD, len(CONTENT))]


def test_a_stream_that_hangs_continues_with_another_request() -> None:
    done = threading.Event()

    def hang(content: bytes) -> Answer:
        done.wait(300)
        return Answer(silent=True)

    server = Server(hang)
    with serving(server) as s3:
        reader = opened(s3, Patience(connect_seconds=60, read_seconds=2, attempts=1))
        reader.stream(0)
        assert blocks(reader) == CONTENT
        done.set()
    assert server.ranges[1:] == [(at, at + AHEAD) for at in range(0, len(CONTENT), AHEAD)]


def other_bytes(content: bytes) -> Answer:
    """A range of the right length that begins elsewhere."""
    return Answer(206, bytes(len(content)), {"Content-Range": f"bytes 7-{len(content) + 6}/{len(CONTENT)}"})


@pytest.mark.parametrize(
    "answer",
    [
        failure(503, "SlowDown"),
        Answer(silent=True),
        Answer(206, b"half", broken=True),
        Answer(200, b"no"),
        other_bytes,
    ],
)
@pytest.mark.parametrize("streamed", [True, False])
def test_a_request_that_fails_is_repeated(answer: Answer | Callable[[bytes], Answer], streamed: bool) -> None:
    server = Server(answer, answer if callable(answer) else None)
    with serving(server) as s3:
        reader = opened(s3, TWICE)
        if streamed:
            reader.stream(0)
        assert blocks(reader) == CONTENT


def test_a_beginning_that_is_not_the_beginning_is_not_used() -> None:
    def answer(request: Request) -> Answer:
        if request.method == "HEAD":
            return Answer(headers={"Content-Length": str(len(CONTENT))})
        return other_bytes(CONTENT[:AHEAD])

    with serving(answer) as s3:
        reader = S3Store(s3, patience=ONCE).open("key")
        with pytest.raises(StoreUnavailable, match="keeps sending other bytes than those from byte 0"):
            reader.read(0, 9)


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (failure(403, "AccessDenied"), StoreRefused, r"GetObject: access is denied \(AccessDenied\)\. Grant s3:Get"),
        (failure(404, "NoSuchKey"), ObjectMissing, "there is no such object"),
        (failure(503, "SlowDown"), StoreUnavailable, "the server is busy"),
        (failure(400, "ExpiredToken"), StoreUnavailable, "the credentials have expired"),
        (Answer(silent=True), StoreUnavailable, "No server answers"),
        (Answer(206, b"half", broken=True), StoreUnavailable, "the answer keeps breaking off"),
        (other_bytes, StoreUnavailable, f"keeps sending other bytes than those from byte {AHEAD}"),
        (Answer(206, bytes(AHEAD)), StoreUnavailable, f"keeps sending other bytes than those from byte {AHEAD}"),
        (Answer(206, b"half"), StoreError, f"received 4 bytes instead of {AHEAD} from byte {AHEAD}"),
    ],
)
@pytest.mark.parametrize("streamed", [True, False])
def test_a_range_that_is_refused_is_explained(
    answer: Answer | Callable[[bytes], Answer], kind: type[StoreError], words: str, streamed: bool
) -> None:
    server = Server(*(answer for _ in range(9)))
    with serving(server) as s3:
        reader = opened(s3)
        if streamed:
            reader.stream(AHEAD)
        with pytest.raises(StoreError, match=words) as caught:
            reader.read(AHEAD, AHEAD)
    assert type(caught.value) is kind


def key_of(signature: str) -> str:
    found = re.search("Credential=([^/]+)/", signature)
    return found[1] if found else ""
