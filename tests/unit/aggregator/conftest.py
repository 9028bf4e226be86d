import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from private_round_on_disk import Make, maker
from round_on_disk import MakeRound, RoundOnDisk, Tensors, adapter, spec_of

from fedtrain.api.storage import S3
from fedtrain.ledger.s3_credentials import Fixed, Keys
from fedtrain.ledger.s3_store import S3Store
from fedtrain.ledger.store import ObjectStore
from tests.support.moto_server import serving_s3

KEYS = Keys(key_id="AKIDEXAMPLE", secret="very-secret")


@pytest.fixture
def make_round(tmp_path: Path) -> MakeRound:
    """(participants, start adapter, fixed weights, aggregation fields) -> a round to send updates to."""
    return _make_round(tmp_path)


@pytest.fixture
def make_round_in_a_bucket(tmp_path: Path, s3_server: str) -> MakeRound:
    """The same in a bucket of a real server."""
    return _make_round(tmp_path, s3_server)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The endpoint of an S3 server."""
    with serving_s3() as endpoint:
        yield endpoint


def _bucket(endpoint: str, name: str) -> ObjectStore:
    s3 = S3(bucket=name, endpoint=endpoint, region="us-east-1")
    store = S3Store(s3, credentials=Fixed(KEYS))
    store.client.create_bucket(Bucket=name)
    return store


def _make_round(tmp_path: Path, endpoint: str | None = None) -> MakeRound:
    count = 0

    def make(
        participants: Sequence[str] = ("anna", "ben", "carla", "dora"),
        start: Tensors | None = None,
        fixed: Mapping[str, float] | None = None,
        **aggregation: Any,
    ) -> RoundOnDisk:
        nonlocal count
        count += 1
        folder = tmp_path / str(count)
        folder.mkdir()
        elsewhere = _bucket(endpoint, f"bucket-{uuid.uuid4().hex}") if endpoint else None
        return RoundOnDisk(
            folder, spec_of(participants, fixed, **aggregation), start or adapter(0), elsewhere=elsewhere
        )

    return make


@pytest.fixture(params=[True, False], ids=["norms stated", "norms measured"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Fields of privacy -> a round with noise to send updates to."""
    return maker(tmp_path, states_norms=request.param)
