"""A run whose store does not copy objects: participants would have nothing to read. What such servers answer is in
`tests/unit/ledger/test_stores_without_copies.py`."""

import base64
from pathlib import Path

import pytest

from fedtrain.contracts import names
from fedtrain.contracts.records import Close, Plan, Run
from fedtrain.contracts.wire.transfer import read_grant
from fedtrain.ledger.blob_copies import readers_in
from fedtrain.ledger.store import StoreError, StoreRefused
from fedtrain.manifests import labels
from tests.unit.operator.federation import FOUR, Federation

UNKNOWN = StoreError("bucket 'runs': the server doesn't know CopyObject. Update the server, or use another store.")
DENIED = StoreRefused("bucket 'runs': CopyObject: access is denied (AccessDenied). Grant s3:GetObject and s3:PutObject")


@pytest.fixture
def federation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Federation:
    return Federation(tmp_path, monkeypatch)


def readers(federation: Federation) -> dict[str, str]:
    """Whose copies the requests of each participant's task read, for those that have requests."""
    secrets = {who: federation.server.objects.get(("secrets", f"at-{who}", labels.TRANSFER_SECRET)) for who in FOUR}
    return {
        who: readers_in(read_grant(base64.b64decode(entry)))
        for who, secret in secrets.items()
        for entry in ((secret or {}).get("data") or {}).values()
    }


def begin(federation: Federation) -> None:
    """Begin round 1, whose deadline is after five minutes."""
    federation.apply(rounds={"count": 2, "minParticipants": 1, "deadline": "5m"})
    federation.settle()
    federation.deliver_preflights(*FOUR)
    federation.deliver_adapter()


def test_a_run_does_not_begin_and_says_why_until_the_store_copies(federation: Federation) -> None:
    federation.grants.copies.refusal = UNKNOWN
    federation.apply()
    federation.settle()
    reachable = federation.condition("StoreReachable")
    assert (reachable["status"], reachable["reason"]) == ("False", "Refused")
    assert reachable["message"] == federation.status["message"] == str(UNKNOWN)
    assert federation.ledger.read(names.RUN, Run) is None
    assert federation.server.all("trainingtasks") == []
    federation.grants.copies.refusal = None
    federation.settle()
    assert federation.condition("StoreReachable")["status"] == "True"
    assert len(federation.server.all("trainingtasks")) == len(FOUR)


def test_a_round_whose_store_stops_copying_signs_nothing_and_its_deadline_stands_still(federation: Federation) -> None:
    begin(federation)
    federation.grants.copies.refusal = DENIED
    federation.settle()
    assert federation.condition("StoreReachable")["message"] == str(DENIED)
    assert federation.ledger.read(names.plan(1), Plan) is not None
    assert readers(federation) == {}
    for _ in range(10):
        federation.time.now += 60
        federation.reconcile()
    federation.grants.copies.refusal = None
    federation.settle()
    assert federation.condition("StoreReachable")["status"] == "True"
    assert federation.ledger.read(names.close(1, 1), Close) is None, "no participant has missed a deadline"
    assert readers(federation).keys() == {*FOUR}


def test_a_participant_that_is_revoked_meanwhile_loses_its_reads_at_once(federation: Federation) -> None:
    begin(federation)
    federation.settle()
    everyone = readers(federation)["bank-a"]
    federation.grants.copies.refusal = DENIED
    federation.state.participants.drop(federation.server.objects.pop(("participants", "", "bank-a")))
    federation.reconcile()
    copies = federation.grants.copies
    assert {*copies.withdrawn} == {copies.readers}, "the copies that it could read are empty"
    assert copies.readers != everyone
    assert {readers(federation)[who] for who in FOUR[1:]} == {everyone}, "nobody reads, until the store copies again"
    copies.refusal = None
    federation.time.now += 60
    federation.settle()
    assert readers(federation) == dict.fromkeys(FOUR[1:], copies.readers)
