"""One undisturbed run that the others are compared with, and an S3 server with a bucket."""

import uuid
from collections.abc import Generator
from pathlib import Path

import boto3
import pytest
from federation import Small

from fedtrain.api.storage import S3
from tests.support.made_once import made_once
from tests.support.moto_server import MotoServer


@pytest.fixture(scope="session")
def undisturbed(zygote: str, tmp_path_factory: pytest.TempPathFactory) -> Small:
    def make(folder: Path) -> None:
        done = Small(folder).run(zygote)
        assert done.returncode == 0, done.said

    return Small(made_once(tmp_path_factory, "small-undisturbed", make), made=True)


@pytest.fixture
def server() -> Generator[MotoServer, None, None]:
    server = MotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def bucket(server: MotoServer, monkeypatch: pytest.MonkeyPatch) -> S3:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret")
    host, port = server.get_host_and_port()
    s3 = S3(bucket=f"federations-{uuid.uuid4().hex[:8]}", endpoint=f"http://{host}:{port}", region="us-east-1")
    boto3.client("s3", endpoint_url=s3.endpoint, region_name=s3.region).create_bucket(Bucket=s3.bucket)
    return s3
