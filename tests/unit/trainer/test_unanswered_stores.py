"""The reason of a failed task or aggregation has one message for every failure of the store's network: it leaves the
pod, and must not serve to scan ports."""

import logging

import pytest
from fedtrain_aggregator import assignment
from fedtrain_trainer.failures import judged
from fedtrain_trainer.log_tail import line_of

from fedtrain.api.storage import S3
from fedtrain.contracts.exit_codes import EXIT_RETRY
from fedtrain.ledger.s3_client import Patience
from fedtrain.ledger.s3_credentials import Fixed, Keys
from fedtrain.ledger.s3_store import S3Store
from fedtrain.ledger.store import StoreError
from hack.cluster.processes import LOOPBACK, free_port
from tests.unit.ledger.s3_fake import NOT_S3, Answer, failure, serving

SAID = "no S3 server answers at storage.s3.endpoint. Check endpoint, caFile and network policies"
ORDER = '{"namespace": "hub", "name": "n", "round": 1, "k": 1, "storage": {"type": "S3", "s3": {"bucket": "runs"}}}'


def error_of(s3: S3) -> StoreError:
    patience, keys = (
        Patience(connect_seconds=60, read_seconds=60, attempts=1),
        Fixed(Keys(key_id="id", secret="secret")),
    )
    with pytest.raises(StoreError) as raised:
        list(S3Store(s3, patience=patience, credentials=keys).keys("runs/"))
    return raised.value


@pytest.mark.parametrize("answer", NOT_S3.values(), ids=NOT_S3)
def test_a_server_that_is_not_s3_looks_like_a_closed_port(answer: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = error_of(S3(bucket="runs", endpoint=f"http://{LOOPBACK}:{free_port()}"))
    with serving(lambda _: answer) as s3:
        error = error_of(s3)
    assert judged(error) == judged(closed) == (EXIT_RETRY, f"{SAID}. The log of the pod has the details")

    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(assignment, "open_ledger", refuse)
    assert assignment.carry_out(ORDER) == judged(closed)
    record = logging.LogRecord("fedtrain.trainer", logging.WARNING, "", 1, "%s", (error,), None)
    assert line_of(record).endswith(SAID), "the lines that may leave the participant"


def test_an_s3_servers_own_words_are_reported() -> None:
    with serving(lambda _: failure(403, "AccessDenied")) as s3:
        assert "access is denied (AccessDenied)" in judged(error_of(s3))[1]
