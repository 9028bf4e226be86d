"""A participant's task without keys: the same objects as with keys, over networks and stores that fail."""

import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from fedtrain.api.storage import S3
from fedtrain.contracts import names
from fedtrain.contracts.canonical import canonical
from fedtrain.contracts.tasks import Task
from fedtrain.contracts.transfer import PART
from fedtrain.contracts.untrusted_records import Update
from fedtrain.contracts.wire.transfer import TransferGrant
from fedtrain.ledger.presigned_requests import Patience
from fedtrain.ledger.presigned_store import PresignedTaskStore
from fedtrain.ledger.s3_credentials import Keys
from fedtrain.ledger.store import LedgerCorrupt, LedgerRefused, StoreError, StoreUnavailable
from tests.support.granting import LARGE, Run, deliver, train_task, update_record
from tests.unit.ledger.s3_fake import Answer, Request, failure, serving

KEYS = Keys(key_id="AKIDEXAMPLE", secret="very-secret")
NO_PAUSES: Callable[[float], None] = lambda seconds: None  # noqa: E731


@pytest.fixture
def run(bucket: S3, tmp_path: Path) -> Run:
    return Run.begin(bucket, KEYS, tmp_path)


@pytest.mark.parametrize("shape", [(16, 8), LARGE], ids=["whole", "parts"])
def test_an_update_and_its_record_are_the_objects_that_a_task_with_keys_leaves(
    run: Run, shape: tuple[int, ...]
) -> None:
    task, update = train_task(run.adapter(shape)), run.tensors(shape, 2.0)
    record = deliver(run, task, update)
    run.incoming("bank-a").admit("rounds/0001/")
    folder = names.update_folder(1, "bank-a", 1)
    assert run.ledger.names(folder) == sorted([f"{folder}/{record.file}", f"{folder}/record.json"])
    assert run.ledger.content(f"{folder}/record.json") == canonical(record)
    assert run.ledger.content(f"{folder}/{record.file}") == update.read_bytes()
    assert record.file.startswith(names.plan_prefix("blake3:" + "0" * 64))


@pytest.mark.parametrize("shape", [(16, 8), LARGE], ids=["whole", "parts"])
def test_all_requests_go_to_the_endpoint_that_the_hub_checks_before_the_run(run: Run, shape: tuple[int, ...]) -> None:
    grant = run.grants.grant(train_task(run.adapter(shape)), "uid")
    assert {one.url.partition(f"/{run.s3.bucket}/")[0] for one in grant.requests()} == {run.s3.endpoint}
    assert len(grant.requests()) > 10


def test_a_blob_is_fetched_and_checked(run: Run, tmp_path: Path) -> None:
    adapter = run.adapter()
    grant = run.grants.grant(train_task(adapter), "uid")
    store = run.store_of(train_task(adapter), grant)
    store.fetch(adapter, tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == run.tensors((16, 8)).read_bytes()
    (copy,) = (name for name in run.ledger.names("copies/") if name.endswith(adapter[-64:]))
    run.ledger.store.replace(run.ledger.key(copy), b"damaged")
    with pytest.raises(LedgerCorrupt, match="is damaged"):
        store.fetch(adapter, tmp_path / "fetched")
    with pytest.raises(StoreError, match="signed no read"):
        store.fetch("blake3:" + "1" * 64, tmp_path / "fetched")


def test_an_execution_adopts_the_record_and_the_file_of_one_that_was_killed(run: Run) -> None:
    task = train_task(run.adapter())
    assert run.store_of(task).existing(Update) is None
    killed = run.store_of(task).put_update(run.tensors((16, 8), 2.0))
    again = run.store_of(task).put_update(run.tensors((16, 8), 3.0))
    assert again == killed, "the file of the execution that was first"
    first = run.store_of(task).put_record(update_record(task, *killed))
    assert run.store_of(task).put_record(update_record(task, *again, loss=0.25)) == first
    assert run.store_of(task).existing(Update) == first


def test_the_noise_of_an_update_is_claimed_once(run: Run) -> None:
    task = train_task(run.adapter())
    assert run.store_of(task).claim_noise("a" * 32)
    assert run.store_of(task).claim_noise("a" * 32)
    assert not run.store_of(task).claim_noise("b" * 32)
    run.incoming("bank-a").admit("rounds/0001/")
    assert run.ledger.names("rounds/0001/updates/") == [names.noise_draw(1, "bank-a", 1)]


def test_telemetry_is_padded_and_never_fails_a_task(run: Run) -> None:
    store = run.store_of(train_task(run.adapter()))
    store.put_telemetry("trainer.json", b'{"a": 1}')
    assert run.ledger.content("telemetry/rounds/0001/bank-a-1/trainer.json").rstrip() == b'{"a": 1}'
    store.put_telemetry("trainer.json", b" " * 3_000_000)
    store.put_telemetry("other.json", b"{}")
    assert run.ledger.names("telemetry/") == ["telemetry/rounds/0001/bank-a-1/trainer.json"]


def test_an_update_of_another_size_is_not_sent(run: Run) -> None:
    store = run.store_of(train_task(run.adapter()))
    with pytest.raises(StoreError, match=r"the update has \d+ bytes, but the hub has signed one of \d+ bytes"):
        store.put_update(run.tensors((16, 9)))


# Networks and stores that fail.


def served(answer: Callable[[Request], Answer], s3: S3, run: Run, task: Task) -> PresignedTaskStore:
    """The store of a task whose requests go to another server."""
    own = run.s3.endpoint or ""
    text = run.grants.grant(task, "uid-bank-a").text().replace(own, s3.endpoint or "")
    grant = TransferGrant.model_validate_json(text)
    store = PresignedTaskStore(task, s3, lambda: grant, Patience(outage_seconds=60.0, renewal_seconds=60.0))
    store._requests._sleep = NO_PAUSES  # pyright: ignore[reportPrivateUsage]
    return store


def test_a_dropped_link_costs_one_part(run: Run) -> None:
    task = train_task(run.adapter(LARGE))
    update = run.tensors(LARGE, 2.0)
    sent: Counter[str] = Counter()

    def answer(request: Request) -> Answer:
        number = re.search(r"partNumber=(\d)", request.path)
        if number is None:
            return Answer(body=b"<ListPartsResult></ListPartsResult>")
        sent[number[1]] += 1
        return Answer(silent=number[1] == "2" and sent["2"] == 1)

    with serving(answer) as s3:
        served(answer, s3, run, task).put_update(update)
    assert sent == {"1": 1, "2": 2}


def test_parts_that_the_server_has_are_not_sent_again(run: Run) -> None:
    task = train_task(run.adapter(LARGE))
    update = run.tensors(LARGE, 2.0)
    run.store_of(task).put_update(update)
    listed: list[str] = []
    grant = run.grants.grant(task, "uid-bank-a")
    store = run.store_of(task, grant)
    send = store._requests.send  # pyright: ignore[reportPrivateUsage]

    def noted(operation: str, *arguments: object, **named: object) -> object:
        listed.append(operation)
        return send(operation, *arguments, **named)  # pyright: ignore[reportArgumentType]

    store._requests.send = noted  # pyright: ignore
    store.put_update(update)
    assert listed == ["ListParts"]


def test_a_busy_store_is_waited_for_and_an_outage_reported(run: Run) -> None:
    task = train_task(run.adapter())
    seen: list[str] = []

    def answer(request: Request) -> Answer:
        seen.append(request.method)
        return failure(503, "SlowDown") if len(seen) < 4 else Answer()

    with serving(answer) as s3:
        name, _, _ = served(answer, s3, run, task).put_update(run.tensors((16, 8), 2.0))
        assert name.endswith(".safetensors")
    assert len(seen) == 4
    with serving(lambda _: failure(503, "SlowDown")) as s3:
        store = served(answer, s3, run, task)
        with pytest.raises(StoreUnavailable, match="the server is busy or failing"):
            store.existing(Update)


def patient(run: Run, s3: S3, task: Task, outage: float | None = None) -> tuple[PresignedTaskStore, list[float]]:
    """The store of a task whose requests go to another server, and the pauses that it makes."""
    text = run.grants.grant(task, "uid").text().replace(run.s3.endpoint or "", s3.endpoint or "")
    grant = TransferGrant.model_validate_json(text)
    pauses: list[float] = []
    store = PresignedTaskStore(task, s3, lambda: grant, upload_outage_seconds=outage)
    store._requests._sleep = pauses.append  # pyright: ignore[reportPrivateUsage]
    return store, pauses


def upload(run: Run, store: PresignedTaskStore, task: Task, sent: str, shape: tuple[int, ...]) -> None:
    if sent == "update":
        store.put_update(run.tensors(shape, 2.0))
    else:
        store.put_record(update_record(task, "f", "blake3:" + "0" * 64, 1))


@pytest.mark.parametrize("sent", ["update", "record"])
def test_an_outage_that_begins_after_training_is_waited_for_half_an_hour(run: Run, sent: str) -> None:
    task = train_task(run.adapter(LARGE))
    with serving(lambda _: failure(503, "SlowDown")) as s3:
        store, pauses = patient(run, s3, task)
        with pytest.raises(StoreUnavailable, match="the server is busy or failing"):
            upload(run, store, task, sent, LARGE)
    assert 1700 <= sum(pauses) <= 1900


def test_the_time_in_which_the_server_hangs_is_part_of_an_outage(run: Run) -> None:
    task, tries = train_task(run.adapter(LARGE)), 0

    def hang(_: Request) -> Answer:
        nonlocal tries
        tries += 1
        return failure(503, "SlowDown")

    with serving(hang) as s3:
        store, pauses = patient(run, s3, task)
        store._requests._clock = lambda: 60.0 * tries  # pyright: ignore[reportPrivateUsage]
        with pytest.raises(StoreUnavailable, match="the server is busy or failing"):
            upload(run, store, task, "record", LARGE)
    assert 1700 <= 60 * tries + sum(pauses) <= 1900


def test_a_download_that_breaks_off_continues_where_it_was(run: Run, tmp_path: Path) -> None:
    adapter = run.adapter()
    content = run.tensors((16, 8)).read_bytes()
    ranges: list[str] = []

    def answer(request: Request) -> Answer:
        ranges.append(request.headers.get("range", ""))
        start = int(ranges[-1].removeprefix("bytes=").partition("-")[0])
        last = min(start + 500, len(content)) - 1
        headers = {"Content-Range": f"bytes {start}-{last}/{len(content)}"}
        return Answer(206, content[start : min(start + 300, last + 1)], headers, broken=start + 300 <= last)

    with serving(answer) as s3:
        served(answer, s3, run, train_task(adapter)).fetch(adapter, tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == content
    assert ranges == [f"bytes={start}-{start + PART - 1}" for start in range(0, len(content), 300)]


@pytest.mark.parametrize("wrong", [1, 1000])
def test_an_answer_with_another_range_is_requested_again(run: Run, tmp_path: Path, wrong: int) -> None:
    adapter, answers = run.adapter(), 0
    content = run.tensors((16, 8)).read_bytes()

    def answer(request: Request) -> Answer:
        nonlocal answers
        answers += 1
        start = 8 if answers <= wrong else 0
        return Answer(206, content[start:], {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"})

    with serving(answer) as s3:
        store = served(answer, s3, run, train_task(adapter))
        if wrong > 1:
            with pytest.raises(StoreUnavailable, match="the server sent other bytes than those from byte 0"):
                store.fetch(adapter, tmp_path / "fetched")
            return
        store.fetch(adapter, tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == content


def renewed(run: Run, s3: S3, task: Task) -> tuple[PresignedTaskStore, list[float]]:
    """The store of a task whose grant is renewed once it has waited."""
    own = run.s3.endpoint or ""
    first = run.grants.grant(task, "uid").text().replace(own, s3.endpoint or "")
    pauses: list[float] = []

    def grant() -> TransferGrant:
        return TransferGrant.model_validate_json(first.replace("X-Amz-Expires", "Renewed") if pauses else first)

    store = PresignedTaskStore(task, s3, grant, Patience(renewal_seconds=60.0))
    store._requests._sleep = pauses.append  # pyright: ignore[reportPrivateUsage]
    return store, pauses


@pytest.mark.parametrize("code", ["AccessDenied", "ExpiredToken", "InvalidAccessKeyId", "SignatureDoesNotMatch"])
def test_requests_that_have_expired_wait_for_renewed_ones(run: Run, code: str) -> None:
    """Only the server's clock says that they have; a participant's may be wrong."""
    late = {"Date": format_datetime(datetime.now(UTC) + timedelta(minutes=16), usegmt=True)}

    def answer(request: Request) -> Answer:
        refused = failure(403, code)
        return failure(404, "NoSuchKey") if "Renewed" in request.path else Answer(403, refused.body, late)

    with serving(answer) as s3:
        store, pauses = renewed(run, s3, train_task(run.adapter()))
        assert store.existing(Update) is None
    assert len(pauses) == 1


def test_requests_that_expire_this_second_wait_for_renewed_ones_although_the_servers_date_is_a_second_old(
    run: Run,
) -> None:
    """Servers make the header once a second."""

    def answer(request: Request) -> Answer:
        if "Renewed" in request.path:
            return failure(404, "NoSuchKey")
        query = parse_qs(urlsplit(request.path).query)
        signed = datetime.strptime(query["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        date = signed + timedelta(seconds=int(query["X-Amz-Expires"][0]) - 1)
        return Answer(403, failure(403, "AccessDenied").body, {"Date": format_datetime(date, usegmt=True)})

    with serving(answer) as s3:
        store, pauses = renewed(run, s3, train_task(run.adapter()))
        assert store.existing(Update) is None
    assert len(pauses) == 1


def test_requests_that_are_never_renewed_are_reported_without_their_signatures(run: Run) -> None:
    late = {"Date": format_datetime(datetime.now(UTC) + timedelta(minutes=16), usegmt=True)}
    with serving(lambda _: Answer(403, failure(403, "AccessDenied").body, late)) as s3:
        store = served(lambda _: Answer(), s3, run, train_task(run.adapter()))
        with pytest.raises(StoreUnavailable, match="have expired, and the hub has not renewed them") as error:
            store.existing(Update)
    assert "X-Amz" not in f"{error.value} {error.value.__cause__} {error.value.__context__}"


@pytest.mark.parametrize("expires", [False, True], ids=["valid", "expired meanwhile"])
@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("SignatureDoesNotMatch", "The secret key is wrong, or a proxy rewrites requests."),
        ("InvalidAccessKeyId", "the server doesn't know this access key"),
        ("ExpiredToken", r"the credentials have expired \(ExpiredToken\)"),
    ],
)
def test_a_signature_that_is_not_accepted_is_reported_with_the_servers_code(
    run: Run, code: str, advice: str, expires: bool
) -> None:
    """Not as an expiry, which is the hub's to repair, unless the server's date shows one."""
    late = {"Date": format_datetime(datetime.now(UTC) + timedelta(minutes=16), usegmt=True)}
    answers = 0

    def refuse(_: Request) -> Answer:
        nonlocal answers
        answers += 1
        return Answer(403, failure(403, "AccessDenied").body, late) if expires and answers > 1 else failure(403, code)

    with serving(refuse) as s3:
        store = served(refuse, s3, run, train_task(run.adapter()))
        with pytest.raises(StoreUnavailable, match=advice) as error:
            store.existing(Update)
    assert code in str(error.value)
    assert str(error.value).endswith("The hub, which signs the requests, has renewed none that the store accepts.")
    assert "signed requests have expired" not in str(error.value)


@pytest.mark.parametrize("shape", [(16, 8), LARGE], ids=["whole", "parts"])
@pytest.mark.parametrize("sent", ["update", "record"])
def test_an_upload_waits_for_renewed_requests_no_longer_than_for_the_store(
    run: Run, sent: str, shape: tuple[int, ...]
) -> None:
    """The hub does not answer, so that the requests expire: a pod whose update is in the spool frees its GPUs."""
    late = {"Date": format_datetime(datetime.now(UTC) + timedelta(minutes=16), usegmt=True)}
    task = train_task(run.adapter(shape))
    with serving(lambda _: Answer(403, failure(403, "AccessDenied").body, late)) as s3:
        store, pauses = patient(run, s3, task, outage=60.0)
        with pytest.raises(StoreUnavailable, match="the hub has not renewed them"):
            upload(run, store, task, sent, shape)
        assert sum(pauses) <= 70.0
        waited = len(pauses)
        store.put_telemetry("trainer.json", b"{}")
        assert len(pauses) == waited, "telemetry waits for nothing"


def test_a_permission_that_the_hub_lacks_is_the_ledgers_refusal(run: Run) -> None:
    with serving(lambda _: failure(403, "AccessDenied")) as s3:
        store = served(lambda _: Answer(), s3, run, train_task(run.adapter()))
        with pytest.raises(LedgerRefused, match="the permissions of the hub") as error:
            store.put_update(run.tensors((16, 8), 2.0))
    assert "X-Amz" not in str(error.value)


def test_requests_go_through_the_proxy_of_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def answer(request: Request) -> Answer:
        seen.append(request.path)
        return failure(404, "NoSuchKey")

    task = train_task(run.adapter())
    with serving(answer) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.endpoint or "")
        monkeypatch.setenv("NO_PROXY", "")
        elsewhere = S3(bucket="federation", endpoint="http://store.invalid:9000", region="us-east-1")
        assert served(answer, elsewhere, run, task).existing(Update) is None
    assert seen[0].startswith("http://store.invalid:9000/")


@pytest.mark.parametrize("trusted", [True, False])
def test_a_private_authority_is_trusted_through_ca_file(run: Run, certificate: Path, trusted: bool) -> None:
    task = train_task(run.adapter())
    with serving(lambda _: failure(404, "NoSuchKey"), certificate) as s3:
        place = s3.model_copy(update={"ca_file": str(certificate) if trusted else None})
        store = served(lambda _: Answer(), place, run, task)
        if trusted:
            assert store.existing(Update) is None
            return
        with pytest.raises(StoreError, match="certificate"):
            store.existing(Update)
