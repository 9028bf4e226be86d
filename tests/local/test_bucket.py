"""The same federation with its ledger in a bucket."""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Generator
from pathlib import Path

import boto3
import pytest
from click.testing import CliRunner
from federation import HERE, Small
from moto.server import ThreadedMotoServer

from fedtrain.api.storage import S3, Storage
from fedtrain.cli.main import main
from fedtrain.contracts import names
from fedtrain.contracts.records import Manifest
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.open import open_ledger
from fedtrain.ledger.verify import verify
from tests.support.proxy import Proxy

DENIALS = [
    ("PUT .*/preflight/zoo.json", "PutObject: access is denied", "s3:PutObject on this key"),
    ("LIST .*/preflight/", "ListObjectsV2: access is denied", "s3:ListBucket on the bucket for this prefix"),
    ("PUT .*/rounds/0001/updates/zoo/", "PutObject: access is denied", "s3:PutObject on this key"),
    ("GET .*/rounds/0001/updates/museum/1/record", "GetObject: access is denied", "s3:GetObject on this key"),
    ("PUT .*/rounds/0001/close-1", "PutObject: access is denied", "s3:PutObject on this key"),
    ("GET .*/rounds/0001/updates/.*safetensors", "GetObject: access is denied", "s3:GetObject on this key"),
]


@pytest.fixture
def server() -> Generator[ThreadedMotoServer, None, None]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def bucket(server: ThreadedMotoServer, monkeypatch: pytest.MonkeyPatch) -> S3:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret")
    host, port = server.get_host_and_port()
    s3 = S3(bucket=f"federations-{uuid.uuid4().hex[:8]}", endpoint=f"http://{host}:{port}", region="us-east-1")
    boto3.client("s3", endpoint_url=s3.endpoint, region_name=s3.region).create_bucket(Bucket=s3.bucket)
    return s3


def federation(folder: Path, bucket: S3) -> tuple[Small, Ledger]:
    s3 = bucket.model_dump(by_alias=True, exclude_none=True)
    small = Small(folder, {"storage": {"type": "S3", "s3": s3}, "rounds": {"retries": 9}})
    return small, open_ledger(Storage(type="S3", s3=bucket), "default", small.name)


def digests(ledger: Ledger) -> list[tuple[str, str | None, str]]:
    found = [ledger.read(names.manifest(round), Manifest) for round in range(3)]
    return [(manifest.adapter, manifest.state, manifest.outcome) for manifest in found if manifest]


def test_a_bucket_gives_the_digests_of_a_folder(zygote: str, undisturbed: Small, tmp_path: Path, bucket: S3) -> None:
    small, ledger = federation(tmp_path / "run", bucket)
    done = small.run(zygote)
    assert done.returncode == 0, done.said
    assert digests(ledger) == undisturbed.digests()
    assert verify(ledger).sound


def test_a_prefix_that_is_denied_stops_the_run_until_the_permission_is_granted(
    zygote: str, undisturbed: Small, tmp_path: Path, bucket: S3
) -> None:
    assert bucket.endpoint is not None
    with Proxy(bucket.endpoint) as proxy:
        small, _ = federation(tmp_path / "run", bucket.model_copy(update={"endpoint": proxy.url}))
        for denied, problem, permission in DENIALS:
            proxy.denied = denied
            done = small.run(zygote)
            assert done.returncode == 1, (denied, done.said)
            assert "Traceback" not in done.said, (denied, done.said)
            error = done.said[done.said.index("error: ") :]
            assert problem in error, (denied, error)
            assert f"Grant {permission}" in error
            assert f"fedtrain run {small.file}" in error
        proxy.denied = ""
        done = small.run(zygote)
        assert done.returncode == 0, done.said
    ledger = open_ledger(Storage(type="S3", s3=bucket), "default", small.name)
    assert digests(ledger) == undisturbed.digests()
    assert not ledger.names("failures/")


def test_data_of_participants_data_of_the_hub_and_the_ledger_may_be_in_three_buckets(
    zygote: str, undisturbed: Small, tmp_path: Path, bucket: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bucket.endpoint is not None
    monkeypatch.setenv("AWS_ENDPOINT_URL", bucket.endpoint)
    monkeypatch.setenv("FEDTRAIN_CACHE", str(tmp_path / "cache"))
    small, ledger = federation(tmp_path / "run", bucket)
    client = boto3.client("s3", endpoint_url=bucket.endpoint, region_name=bucket.region)
    places = {"zoo.jsonl": "members/zoo", "museum.jsonl": "members/museum", "test.jsonl": "evaluation/test"}
    content = small.file.read_text()
    for file, (name, _, folder) in {file: place.partition("/") for file, place in places.items()}.items():
        other = f"{bucket.bucket}-{name}"
        client.create_bucket(Bucket=other)
        client.upload_file(str(small.folder / file), other, f"{folder}/rows.jsonl")
        (small.folder / file).unlink()
        content = content.replace(f"uri: {file}", f"uri: s3://{other}/{folder}/rows.jsonl")
    small.file.write_text(content)
    for command in (["validate"], ["plan", "--rows", "zoo=24", "--rows", "museum=24"]):
        done = CliRunner().invoke(main, [*command, str(small.file)])
        assert done.exit_code == 0, done.output
    done = small.run(zygote)
    assert done.returncode == 0, done.said
    assert digests(ledger) == undisturbed.digests()


def test_a_bucket_that_does_not_answer_for_a_while_costs_nothing(
    zygote: str, undisturbed: Small, tmp_path: Path, bucket: S3, server: ThreadedMotoServer
) -> None:
    small, ledger = federation(tmp_path / "run", bucket)
    command = [sys.executable, str(HERE / "driver.py"), str(small.file), zygote, "2"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ)
    while ledger.size(names.plan(1)) is None and running.poll() is None:
        time.sleep(0.05)
    host, port = server.get_host_and_port()
    server.stop()
    time.sleep(3)
    again = ThreadedMotoServer(ip_address=host, port=port, verbose=False)
    again.start()
    said, _ = running.communicate(timeout=240)
    found = digests(ledger)
    again.stop()
    assert running.returncode == 0, said
    assert found == undisturbed.digests()
