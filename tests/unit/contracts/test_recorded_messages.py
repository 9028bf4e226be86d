"""What participants and hubs of one version send is read by another.

`recorded/<version>/participant/` has records, statuses and heartbeats that a participant of that version wrote;
`recorded/<version>/transfer-grant.json` what its hub signed. Never edit these files; a release adds a folder.
"""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from fedtrain_operator.coordinator.executions import Executions
from fedtrain_operator.coordinator.heartbeat import Heartbeats
from pydantic import TypeAdapter

from fedtrain.api.participant_record import ParticipantRecordStatus
from fedtrain.api.status_fields import TrainingTaskStatus
from fedtrain.contracts.canonical import canonical
from fedtrain.contracts.noise_records import NoiseDraw
from fedtrain.contracts.untrusted_records import Measurement, ParticipantRecord, Preflight, Update
from fedtrain.contracts.wire.transfer import TRANSFER_VERSION, TransferGrant, TransferRefused, read_grant
from fedtrain.ledger.parse import parse
from tests.unit.operator.worlds import run, task

RECORDED = Path(__file__).parent / "recorded"
RECORDS: dict[str, type[ParticipantRecord]] = {
    "preflight": Preflight,
    "update": Update,
    "measurement": Measurement,
    "noise": NoiseDraw,
}
STATES = {
    "pending": "Running",
    "running": "Running",
    "uploading": "Running",
    "succeeded": "Done",
    "failed": "Failed",
    "refused": "Failed",
    "cancelled": None,  # a task that is wanted again is created again
}
GRANTS = sorted(RECORDED.glob("*/transfer-grant.json"))
HEARTBEATS = sorted(RECORDED.glob("*/participant/heartbeat.json"))


def named(file: Path) -> str:
    version, rest = file.relative_to(RECORDED).parts[0], file.stem
    return f"{version} {rest}"


def content(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text())


def packed(grant: dict[str, Any]) -> bytes:
    return gzip.compress(json.dumps(grant).encode())


@pytest.mark.parametrize("file", sorted(RECORDED.glob("*/participant/record-*.json")), ids=named)
def test_a_record_is_read_and_keeps_its_bytes(file: Path) -> None:
    """The digests of the chain cover these bytes."""
    record = parse(RECORDS[file.stem.removeprefix("record-")], file.read_bytes())
    assert canonical(record) == file.read_bytes()


@pytest.mark.parametrize("file", sorted(RECORDED.glob("*/participant/task-*.json")), ids=named)
def test_the_hub_admits_a_tasks_status_and_reads_its_state(file: Path) -> None:
    """The CustomResourceDefinition is generated from this model."""
    status = content(file)
    TypeAdapter(TrainingTaskStatus).validate_python(status)
    found = Executions().of(run().run_id, [task() | {"status": status}], [], lambda _: None, 0.0)
    states = [execution.state for execution in found.values()]
    expected = STATES[file.stem.removeprefix("task-")]
    assert states == ([expected] if expected else [])


@pytest.mark.parametrize("file", HEARTBEATS, ids=named)
def test_the_hub_admits_a_heartbeat_and_counts_it(file: Path) -> None:
    status, now = content(file), [0.0]
    TypeAdapter(ParticipantRecordStatus).validate_python(status)
    heartbeats = Heartbeats(600.0, lambda: now[0], lambda: now[0])
    heartbeats.note("bank-b", status)
    now[0] = 53.0
    assert heartbeats.silent(["bank-b"]).keys() == {"bank-b"}, "after one and a half of the participant's intervals"


@pytest.mark.parametrize("file", GRANTS, ids=named)
def test_signed_requests_are_read_and_newer_optional_fields_ignored(file: Path) -> None:
    grant = read_grant(packed(content(file)))
    assert json.loads(grant.text()) == content(file)
    newer = content(file)
    for block in (newer, newer["record"], newer["update"], newer["update"]["parts"][0], newer["record"]["read"]):
        block["fieldOfTomorrow"] = {"deep": [1, 2]}
    assert read_grant(packed(newer)) == grant


def test_signed_requests_of_a_newer_version_are_refused() -> None:
    newer = content(GRANTS[-1]) | {"version": TRANSFER_VERSION + 1}
    with pytest.raises(TransferRefused, match=f"version {TRANSFER_VERSION + 1}, but this fedtrain supports up to"):
        read_grant(packed(newer))


def test_every_field_of_a_grant_is_recorded() -> None:
    assert set(TransferGrant.model_validate(content(GRANTS[-1])).model_fields_set) == set(TransferGrant.model_fields)
