"""What a participant's signed requests do not allow at the store: attempts with its real requests at a real server."""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

import numpy as np
import pytest
import urllib3
from safetensors.numpy import save_file

from fedtrain.api.storage import S3
from fedtrain.contracts import names
from fedtrain.contracts.records import Initial, ModelFacts
from fedtrain.contracts.records import Run as RunRecord
from fedtrain.contracts.transfer import RECORD_SIZES
from fedtrain.contracts.untrusted_records import Preflight
from fedtrain.contracts.wire.transfer import SignedFile, SignedUpload, TransferGrant, read_grant
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.s3_credentials import Keys
from fedtrain.manifests.labels import TRANSFER_SECRET
from hack.cluster.api import Api
from hack.cluster.eventually import eventually
from hack.cluster.s3_server import S3Server
from tests.controlplane.training import PARTICIPANTS, Federation, document
from tests.support.granting import LARGE, SMALL, Run, train_task
from tests.support.operating import Operator
from tests.support.tasks import DIGEST

FACTS = ModelFacts(base_parameters=1000, adapter_parameters=128, hidden_size=8, layers=1, vocabulary=32)
HTTP = urllib3.PoolManager()
OTHER_UPDATE = "rounds/0001/updates/bank-b/1/theirs.safetensors"


@dataclass(frozen=True)
class Place:
    """A run in which both participants have a task. `large`: requests for an update in parts."""

    run: Run
    own: TransferGrant
    large: TransferGrant
    secret: str
    """Digest of a blob that no task of the participant reads."""

    @property
    def whole(self) -> SignedUpload:
        assert self.own.update is not None
        assert self.own.update.whole is not None
        return self.own.update.whole

    @property
    def parts(self) -> SignedFile:
        assert self.large.update is not None
        return self.large.update

    @property
    def record(self) -> SignedUpload:
        return self.own.record.writes[0]

    @property
    def blob(self) -> str:
        return next(iter(self.own.blobs.values())).url

    def key(self, name: str) -> str:
        return self.run.store.object_key(self.run.ledger.key(name))

    def instead(self, url: str, name: str, own: str) -> str:
        """The URL with another object's key."""
        return url.replace(self.key(own), self.key(name))


@dataclass(frozen=True)
class Attempt:
    method: str
    url: str
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict[str, str])


@pytest.fixture(scope="module")
def place(s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder: Path = tmp_path_factory.mktemp("isolation")
    s3_server.client.create_bucket(Bucket="store-isolation")
    s3 = S3(bucket="store-isolation", endpoint=s3_server.endpoint, region=s3_server.region, prefix="runs")
    run = Run.begin(s3, Keys(key_id=s3_server.access_key, secret=s3_server.secret_key), folder)
    adapter, secret = run.adapter(), run.ledger.put_blob(b"server state")
    run.store.create(run.ledger.key(OTHER_UPDATE), b"an update")
    run.store.create(run.ledger.key(names.manifest(0)), b"{}")
    run.store.create(run.ledger.key(names.spend(1, 1)), b"{}")
    run.store.create(run.ledger.key(names.incoming("r1", names.update(1, "bank-b", 1))), b"{}")
    elsewhere = Ledger(run.store, "hub", "another-training")
    run.store.create(elsewhere.key(names.manifest(0)), b"{}")
    own = run.grants.grant(train_task(adapter), "uid")
    large = run.grants.grant(train_task(run.adapter(LARGE), attempt=2), "uid-2")
    return Place(run, own, large, secret)


def attempts(place: Place) -> Iterator[tuple[str, Attempt]]:
    own, whole, record, blob = place.own, place.whole, place.record, place.blob
    assert own.update is not None
    body, text, headers = b"x" * whole.size, b" " * record.size, dict(record.headers)
    read, file = own.update.read.url, own.update.name
    base = blob.partition("?")[0]
    server = "{0.scheme}://{0.netloc}".format(urlsplit(blob))
    bucket = f"{server}/{place.run.s3.bucket}"

    def put(url: str, content: bytes = text, **more: str) -> Attempt:
        return Attempt("PUT", url, content, headers | {name.replace("_", "-"): value for name, value in more.items()})

    yield "list the bucket", Attempt("GET", f"{bucket}?{urlsplit(blob).query}")
    yield "list the buckets", Attempt("GET", f"{server}/?{urlsplit(blob).query}")
    yield "read without a signature", Attempt("GET", base)
    yield "write without a signature", put(record.url.partition("?")[0])
    yield "read another participant's update", Attempt("GET", place.instead(read, OTHER_UPDATE, file))
    theirs = names.incoming("r1", names.update(1, "bank-b", 1))
    yield (
        "read another participant's record",
        Attempt("GET", place.instead(own.record.read.url, theirs, own.record.name)),
    )
    yield "read the run's manifest", Attempt("GET", place.instead(read, names.manifest(0), file))
    yield "read the seed of the round's noise", Attempt("GET", place.instead(read, names.spend(1, 1), file))
    yield "read a blob of no own task", Attempt("GET", blob.replace(base[-64:], place.secret[-64:]))
    another = f"{place.run.s3.prefix}/hub/another-training/{names.manifest(0)}"
    yield "read another training's manifest", Attempt("GET", read.replace(place.key(file), another))
    yield "write another participant's update", put(place.instead(whole.url, OTHER_UPDATE, file), body)
    yield "write another participant's record", put(record.url.replace("bank-a", "bank-b"))
    yield "write another attempt's record", put(record.url.replace("/1/record", "/2/record"))
    yield "write another round's record", put(record.url.replace("rounds/0001", "rounds/0002"))
    admitted = names.update(1, "bank-a", 1)
    yield "write the ledger's record itself", put(place.instead(record.url, admitted, own.record.name))
    yield "write the round's close", put(place.instead(record.url, names.close(1, 1), own.record.name))
    yield "claim the noise of a close", put(place.instead(record.url, names.spend(1, 2), own.record.name))
    yield "write the round's manifest", put(place.instead(record.url, names.manifest(1), own.record.name))
    yield "write the global adapter", put(place.instead(record.url, names.blob(DIGEST), own.record.name))
    yield "write with the signature of a read", put(blob)
    yield "read with the signature of a write", Attempt("GET", whole.url)
    yield "a larger update", put(whole.url, body + b"x")
    yield "a smaller update", put(whole.url, body[:-1])
    yield "a larger record", put(record.url, b" " * (RECORD_SIZES[-1] + 1))
    yield "an update that may replace one", Attempt("PUT", whole.url, body)
    yield (
        "copy another participant's update",
        put(whole.url, body, x_amz_copy_source=f"/{place.run.s3.bucket}/{place.key(OTHER_UPDATE)}"),
    )
    yield "make the record public", put(record.url, x_amz_acl="public-read")
    yield "tag the record", put(record.url, x_amz_tagging="a=b")
    yield "delete with the signature of a read", Attempt("DELETE", read)
    yield "delete with the signature of a write", Attempt("DELETE", whole.url)
    yield "post to an object", Attempt("POST", whole.url, body)
    yield "delete several objects", Attempt("POST", f"{bucket}?delete&{urlsplit(whole.url).query}", b"<Delete/>")
    yield "read an access list", Attempt("GET", f"{read}&acl")
    yield "write an access list", put(f"{record.url}&acl")
    yield "another version", Attempt("GET", f"{blob}&versionId=1")
    yield "a longer life", Attempt("GET", re.sub("X-Amz-Expires=[0-9]+", "X-Amz-Expires=604800", blob))
    part = place.parts.parts[0]
    yield "another part", put(part.url.replace("partNumber=1", "partNumber=3"), b"x" * part.size)
    yield "a larger part", put(part.url, b"x" * (part.size + 1))
    yield "a part of another upload", put(re.sub("uploadId=[^&]+", "uploadId=another", part.url), b"x" * part.size)
    source = f"/{place.run.s3.bucket}/{place.key(OTHER_UPDATE)}"
    yield "copy another participant's update as a part", put(part.url, b"x" * part.size, x_amz_copy_source=source)
    yield "copy another participant's update as a part, empty", put(part.url, b"", x_amz_copy_source=source)
    yield "encrypt the record", put(record.url, x_amz_server_side_encryption_customer_algorithm="AES256")
    yield "lead readers of the record elsewhere", put(record.url, x_amz_website_redirect_location="https://example.org")
    yield "lock the record", put(record.url, x_amz_object_lock_legal_hold="ON")
    yield (
        "a larger record in chunks",
        put(
            record.url,
            b" " * (RECORD_SIZES[-1] + 1),
            x_amz_content_sha256="STREAMING-UNSIGNED-PAYLOAD-TRAILER",
            x_amz_decoded_content_length="1",
        ),
    )
    yield "ask for the size of the adapter with the signature of a read", Attempt("HEAD", blob)
    yield "read with other headers in the answer", Attempt("GET", f"{blob}&response-content-type=text%2Fhtml")
    yield "a second, longer life", Attempt("GET", f"{blob}&X-Amz-Expires=604800")
    yield "another time", Attempt("GET", re.sub("T[0-9]{6}Z", "T000000Z", blob))
    yield "another host", Attempt("GET", blob, headers={"Host": "store.example.org"})
    up = quote("../" * (file.count("/") + 1), safe="")
    yield "read another object through dots", Attempt("GET", read.replace(file, f"{file}/{up}{OTHER_UPDATE}"))
    yield "write another object through dots", put(record.url.replace("?", f"/..%2f{names.close(1, 1)}?", 1))
    yield "attach metadata to the record", put(record.url, x_amz_meta_participant="bank-b")
    yield "keep the record elsewhere", put(record.url, x_amz_storage_class="GLACIER")
    yield "lock the record until a date", put(record.url, x_amz_object_lock_mode="COMPLIANCE")
    yield "let another account own the record", put(record.url, x_amz_grant_full_control='id="x"')
    yield "read the tags of the update", Attempt("GET", f"{read}&tagging")
    yield "read the attributes of the update", Attempt("GET", f"{read}&attributes")
    yield "keep the update from deletion", put(f"{record.url}&retention")
    for what in ("policy", "versions", "uploads", "cors"):
        yield f"read the bucket's {what}", Attempt("GET", f"{bucket}?{what}&{urlsplit(blob).query}")
    yield "write the bucket's policy", put(f"{bucket}?policy&{urlsplit(record.url).query}", b"{}")
    yield "list the parts of the upload", Attempt("GET", re.sub("partNumber=1&", "", part.url))
    yield "begin an upload in parts", Attempt("POST", f"{whole.url}&uploads")
    assert place.parts.uploaded is not None
    yield "complete the upload in parts", Attempt("POST", place.parts.uploaded.url, b"<CompleteMultipartUpload/>")
    yield "abort the upload in parts", Attempt("DELETE", place.parts.uploaded.url)


def test_a_participants_signed_requests_do_not_allow_anything_else(place: Place) -> None:
    before = place.run.ledger.names("")
    tried = list(attempts(place))
    others = {what: status for what, one in tried if (status := _status(one)) != 403}
    assert others == {"post to an object": 405}
    assert place.run.ledger.names("") == before
    assert len(tried) == len({what for what, _ in tried}) == 68
    assert _status(Attempt("GET", place.blob)) == 200, "the requests themselves are valid"
    assert _status(Attempt("PUT", place.record.url, b" " * place.record.size, {**place.record.headers})) == 200


def test_what_a_revoked_participant_reads_becomes_empty_and_the_others_continue(
    operator_kubeconfig: Path, federation: Federation, api: Api, s3_server: S3Server, zygote: str, tmp_path: Path
) -> None:
    """With real operators. No pod runs: the test writes what pods would."""
    who, other = federation.who
    record = api.get(PARTICIPANTS, who)
    with Operator(operator_kubeconfig, tmp_path, zygote, RESYNC_SECONDS="1"):
        federation.apply(api, s3_server, evaluation={})
        ledger = federation.ledger(s3_server)
        run = eventually(lambda: ledger.read(names.RUN, RunRecord))
        for one in federation.who:
            ledger.claim(names.preflight(one), _preflight(run.run_id, one))
        adapter, config = ledger.put_blob(_adapter(tmp_path)), ledger.put_blob(b"{}")
        ledger.claim(names.initial(), Initial(run_id=run.run_id, adapter=adapter, config=config, facts=FACTS))
        before = eventually(lambda: _reads(federation, api, other))
        recorded = eventually(lambda: _reads(federation, api, who))
        assert [_content(url) for url in recorded] == [ledger.content(names.blob(adapter)), b"{}"]
        api.delete(PARTICIPANTS, who)
        try:
            eventually(lambda: [_content(url) for url in recorded] == [b"", b""])
            eventually(lambda: _reads(federation, api, other) not in ([], before))
            assert [_content(url) for url in _reads(federation, api, other)] == [
                ledger.content(names.blob(adapter)),
                b"{}",
            ]
            assert [_content(f"{url}&x-id=GetObject") for url in recorded] == [None, None], "another request"
        finally:
            api.create(PARTICIPANTS, document("Participant", who, record["spec"]))
        federation.delete(api)


def _reads(federation: Federation, api: Api, who: str) -> list[str]:
    """The signed reads of the participant's task of round 1: of the adapter and of its configuration."""
    secret = api.find("v1/secrets", TRANSFER_SECRET, f"at-{who}") or {}
    found = [read_grant(base64.b64decode(entry)) for entry in (secret.get("data") or {}).values()]
    own = [one for one in found if f"/{federation.namespace}/" in one.record.read.url]
    return [request.url for one in own for request in one.blobs.values()]


def _preflight(run_id: str, who: str) -> Preflight:
    return Preflight(run_id=run_id, participant=who, samples=100, validation_samples=10, fingerprint=DIGEST)


def _adapter(folder: Path) -> Path:
    save_file({"base.layer.lora_B.weight": np.ones(SMALL, np.float32)}, folder / "adapter", {"format": "pt"})
    return folder / "adapter"


def _content(url: str) -> bytes | None:
    """What a signed read returns; None if it is refused."""
    answer = HTTP.request("GET", url, retries=False)
    return answer.data if answer.status == 200 else None


def _status(one: Attempt) -> int:
    return HTTP.request(one.method, one.url, body=one.body, headers=one.headers, retries=False).status
