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
from federation import HERE, Small
from moto.server import ThreadedMotoServer

from fedtrain.api.storage import S3, Storage
from fedtrain.contracts import names
from fedtrain.contracts.records import Manifest
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.open import open_ledger
from fedtrain.ledger.verify import verify


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
