"""Real stores: a folder, and a bucket of an S3 server that runs for the session."""

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from history import write_history

from fedtrain.api.storage import S3
from fedtrain.ledger.file_store import FileStore
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.s3_client import Patience
from fedtrain.ledger.s3_store import S3Store
from fedtrain.ledger.store import ObjectStore
from tests.support.certificates import self_signed
from tests.support.moto_server import serving_s3

IMPATIENT = Patience(connect_seconds=60, read_seconds=60, attempts=2)


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Some that are well-formed, and none from this machine."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The endpoint of an S3 server."""
    with serving_s3() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def s3_admin(s3_server: str) -> Any:
    """A client of that server."""
    return boto3.client(
        "s3", endpoint_url=s3_server, region_name="us-east-1", aws_access_key_id="admin", aws_secret_access_key="admin"
    )


@pytest.fixture
def bucket(s3_server: str, s3_admin: Any) -> S3:
    """A new bucket."""
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    s3_admin.create_bucket(Bucket=name)
    return S3(bucket=name, endpoint=s3_server, prefix="team/runs")


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "folder":
        return FileStore(tmp_path / "runs")
    return S3Store(request.getfixturevalue("bucket"), multipart=6 * 1024 * 1024)


@pytest.fixture
def ledger(store: ObjectStore) -> Ledger:
    return Ledger(store, "default", "demo")


@pytest.fixture
def folder_ledger(tmp_path: Path) -> Ledger:
    return Ledger(FileStore(tmp_path / "runs"), "default", "demo")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed one for 127.0.0.1, with its key."""
    return self_signed(tmp_path / "authority.pem")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sound")
    write_history(Ledger(FileStore(folder / "runs"), "default", "demo"))
    return folder / "runs"


@pytest.fixture
def run(sound: Path, tmp_path: Path) -> Path:
    """The folder of a run that is sound, to be tampered with."""
    shutil.copytree(sound, tmp_path / "runs")
    return tmp_path / "runs" / "default" / "demo"
