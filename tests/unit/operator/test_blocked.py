"""A training's status has one message for every failure of the store's network: it must not serve to scan ports."""

import pytest
from fedtrain_operator.coordinator import blocked

from fedtrain.api.storage import S3
from fedtrain.contracts import names
from fedtrain.contracts.records import Run
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.s3_client import Patience
from fedtrain.ledger.s3_credentials import Fixed, Keys
from fedtrain.ledger.s3_store import S3Store
from fedtrain.ledger.store import StoreError
from hack.cluster.processes import LOOPBACK, free_port
from tests.unit.ledger.s3_fake import NOT_S3, Answer, failure, serving

NO_STORE = (
    "no S3 server answers at storage.s3.endpoint. Check endpoint, caFile and network policies. The operator's log has "
    "the details."
)
ONCE = Patience(connect_seconds=60, read_seconds=60, attempts=1)


def condition_of(s3: S3) -> tuple[str, str]:
    credentials = Fixed(Keys(key_id="id", secret="secret"))
    store = S3Store(s3, patience=ONCE, credentials=credentials)
    with pytest.raises(StoreError) as raised:
        Ledger(store, "hub", "tickets").read(names.RUN, Run)
    condition = blocked.store(raised.value).condition
    return condition.reason, condition.message


@pytest.mark.parametrize("answer", NOT_S3.values(), ids=NOT_S3)
def test_a_server_that_is_not_s3_looks_like_a_closed_port(answer: Answer) -> None:
    closed = condition_of(S3(bucket="runs", endpoint=f"http://{LOOPBACK}:{free_port()}"))
    with serving(lambda _: answer) as s3:
        assert condition_of(s3) == closed == ("Unavailable", NO_STORE)


def test_a_server_without_tls_looks_like_a_closed_port() -> None:
    with serving(lambda _: Answer()) as s3:
        assert s3.endpoint is not None
        tls = s3.model_copy(update={"endpoint": s3.endpoint.replace("http://", "https://")})
        assert condition_of(tls) == ("Unavailable", NO_STORE)


def test_an_s3_servers_own_words_are_reported() -> None:
    with serving(lambda _: failure(403, "AccessDenied")) as s3:
        reason, message = condition_of(s3)
    assert reason == "Refused"
    assert "access is denied (AccessDenied)" in message
