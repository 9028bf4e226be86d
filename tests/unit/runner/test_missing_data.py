"""A run on this machine does not begin without the data of a participant."""

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts import names
from fedtrain.contracts.records import Manifest
from fedtrain.contracts.untrusted_records import Preflight
from fedtrain.ledger.run_claim import new_run
from fedtrain.rounds.decision import Claim, Decision
from fedtrain.rounds.snapshot import Execution, LedgerFacts, Snapshot, TaskKey
from fedtrain.runner.missing_data import missing_data

DIGEST = "blake3:" + 64 * "0"
SPEC = FederatedTrainingSpec.model_validate(
    {
        "model": {"base": "org/base"},
        "data": {"dataset": "d", "format": "Text"},
        "participants": [{"name": "zoo"}, {"name": "museum"}],
        "rounds": {"count": 2, "minParticipants": 1},
        "training": {"length": {"type": "Steps", "steps": 1}},
    }
)
ROUND_0 = Manifest(
    run_id="r", round=0, outcome="Initial", k=None, step=0, adapter=DIGEST, config=DIGEST, previous=DIGEST
)
BEGINS = Decision("Recording", actions=(Claim(names.manifest(0), ROUND_0),))
WAITS = Decision("Initialising")
CUT = Execution("Failed", retryable=False, reason="museum.jsonl:2100:12: not valid JSON")


def snapshot(zoo: Execution, museum: Execution, *counted: str, manifest: Manifest | None = None) -> Snapshot:
    run = new_run("default", "try", SPEC)
    preflights = {
        who: Preflight(run_id="r", participant=who, samples=9, validation_samples=1, fingerprint=DIGEST)
        for who in counted
    }
    executions = {TaskKey(0, "Inspect", who, 1): one for who, one in (("zoo", zoo), ("museum", museum))}
    return Snapshot(SPEC, LedgerFacts(run, preflights=preflights, manifest=manifest), executions, elapsed=0.0)


def test_invalid_data_ends_the_run_with_file_and_line_once_all_data_was_read() -> None:
    assert missing_data(snapshot(Execution("Running"), CUT), WAITS) is None
    assert missing_data(snapshot(Execution("Done"), CUT, "zoo"), WAITS) == (
        "museum: its data was not counted: museum.jsonl:2100:12: not valid JSON. Correct the data, or remove the "
        "participant from spec.participants"
    )


def test_round_0_is_not_recorded_without_data_that_no_retry_could_count() -> None:
    crashed = Execution("Failed", retryable=True, reason="its process died")
    assert missing_data(snapshot(Execution("Done"), crashed, "zoo"), WAITS) is None, "it may be retried"
    found = missing_data(snapshot(Execution("Done"), crashed, "zoo"), BEGINS)
    assert found is not None
    assert found.startswith("museum: its data was not counted: its process died. Correct")
    silent = missing_data(snapshot(Execution("Done"), Execution("Running"), "zoo"), BEGINS)
    assert silent is not None
    assert silent == (
        "museum: its data was not counted before the deadline of 2h. Correct the data, or remove the participant from "
        "spec.participants, or raise `rounds.deadline`"
    )


def test_all_data_or_a_recorded_round_0_end_nothing() -> None:
    assert missing_data(snapshot(Execution("Done"), Execution("Done"), "zoo", "museum"), BEGINS) is None
    assert missing_data(snapshot(Execution("Done"), CUT, "zoo", manifest=ROUND_0), WAITS) is None
