"""The same run is resumed, one that has not begun may be corrected, another one is refused field by field."""

from typing import Any

import pytest

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts import names
from fedtrain.contracts.digests import digest_bytes
from fedtrain.contracts.record import CONTRACT_VERSION
from fedtrain.contracts.records import Manifest, Run
from fedtrain.contracts.run_end import Failure
from fedtrain.contracts.untrusted_records import Preflight
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.lost_run import LostRun
from fedtrain.ledger.run_claim import Difference, NewerContract, SpecDiffers, claim_run, compare, new_run
from fedtrain.ledger.store import LedgerCorrupt
from fedtrain.ledger.verify import verify

SPEC: dict[str, Any] = {
    "model": {"base": "./base"},
    "data": {"dataset": "notes", "format": "Text"},
    "participants": [{"name": "anna"}, {"name": "berta", "training": {"learningRate": 0.1}}],
    "rounds": {"count": 3},
    "training": {"length": {"type": "Steps", "steps": 5}},
}


def run_of(spec: dict[str, Any], run_id: str = "r1") -> Run:
    return Run(run_id=run_id, namespace="default", name="demo", spec=spec)


def test_a_new_name_is_claimed_and_the_same_spec_continues_under_the_first_id(ledger: Ledger):
    assert claim_run(ledger, run_of(SPEC, "first")).run_id == "first"
    assert claim_run(Ledger(ledger.store, "default", "demo"), run_of(SPEC, "second")).run_id == "first"


def test_a_run_says_the_same_whether_defaults_were_filled_in_or_not():
    short = FederatedTrainingSpec.model_validate(SPEC)
    filled = FederatedTrainingSpec.model_validate(short.model_dump(mode="json", by_alias=True, exclude_none=True))
    claimed = new_run("default", "demo", filled)
    assert claimed.spec == new_run("default", "demo", short).spec == SPEC
    assert FederatedTrainingSpec.model_validate(claimed.spec) == short


def test_another_spec_is_refused_with_every_field_that_differs(folder_ledger: Ledger):
    claim_run(folder_ledger, run_of(SPEC))
    record_round_0(folder_ledger, "r1")
    other = {
        **SPEC,
        "model": {"base": "./other"},
        "participants": [{"name": "anna"}, {"name": "carla"}],
        "rounds": {"count": 4, "retries": 0},
    }
    with pytest.raises(SpecDiffers) as caught:
        claim_run(folder_ledger, run_of(other))
    assert caught.value.differences == (
        Difference("model.base", '"./base"', '"./other"'),
        Difference("participants[1].name", '"berta"', '"carla"'),
        Difference("participants[1].training.learningRate", "0.1", "unset"),
        Difference("rounds.count", "3", "4"),
        Difference("rounds.retries", "2", "0"),
    )
    message = str(caught.value)
    assert 'spec.model.base: "./base" in the run, "./other" in the file' in message
    assert folder_ledger.url in message
    run = folder_ledger.address
    assert f"change `metadata.name`, or delete this run: `fedtrain delete {run}`" in message
    assert f"For more rounds, start a run from this one's adapter: `fedtrain init --from {run}`" in message


@pytest.mark.parametrize(
    "change",
    [
        {"rounds": {"count": 3, "deadline": "5h"}},
        {"storage": {"type": "File", "file": {"path": "/elsewhere"}}},
        {"rounds": {"count": 3, "retries": 2}},
        {"training": {"length": {"type": "Steps", "steps": 5}, "batchSize": 32, "learningRate": 0.0002}},
        {"aggregation": {}},
    ],
    ids=["the deadline", "the storage", "a default written down", "more of them", "an empty block"],
)
def test_changeable_fields_and_equal_values_are_not_differences(change: dict[str, Any]):
    assert compare(SPEC, {**SPEC, **change}) == ()
    assert compare({**SPEC, **change}, SPEC) == ()


def test_specs_of_another_version_of_the_api_are_compared_as_they_are_written():
    strange = {**SPEC, "novelty": {"level": 1, "list": ["a"]}}
    assert compare(strange, strange) == ()
    assert Difference("novelty.level", "1", "unset") in compare(strange, SPEC)


def test_long_values_are_cut_in_messages_but_compared_whole():
    before, after = {"text": "x" * 500 + "a"}, {"text": "x" * 500 + "b"}
    (difference,) = compare(before, after)
    assert len(difference.recorded) <= 80


def test_a_run_of_a_newer_contract_is_left_alone(folder_ledger: Ledger):
    newer = b'{"contractVersion":%d,"runId":"r1","novelty":true}' % (CONTRACT_VERSION + 1)
    folder_ledger.store.create("default/demo/run.json", newer)
    with pytest.raises(NewerContract, match=r"newer fedtrain \(contract version 2; this one knows up to 1\)"):
        claim_run(folder_ledger, run_of(SPEC))
    assert folder_ledger.content(names.RUN) == newer


def test_a_run_json_that_is_damaged_is_named(folder_ledger: Ledger):
    folder_ledger.store.create("default/demo/run.json", b'{"contractVersion":1')
    with pytest.raises(LedgerCorrupt) as damaged:
        claim_run(folder_ledger, run_of(SPEC))
    assert str(damaged.value) == (
        f"{folder_ledger.address}/run.json is damaged (it is not valid JSON). Restore it from a backup. Without one, "
        f"start a run with another `metadata.name`; the adapters of this one are kept in {folder_ledger.address}/blobs."
    )


def test_the_folder_of_a_run_cannot_be_renamed(folder_ledger: Ledger):
    claim_run(folder_ledger, run_of(SPEC))
    folder_ledger.store.create("default/copy/run.json", folder_ledger.content(names.RUN))
    copy = Ledger(folder_ledger.store, "default", "copy")
    with pytest.raises(LedgerCorrupt, match="holds the run default/demo, not default/copy"):
        claim_run(copy, Run(run_id="r2", namespace="default", name="copy", spec=SPEC))


def corrected() -> dict[str, Any]:
    return {**SPEC, "model": {"base": "./other"}, "participants": [{"name": "anna"}]}


def record_round_0(ledger: Ledger, run_id: str) -> None:
    digest = digest_bytes(b"x")
    ledger.claim(
        names.manifest(0),
        Manifest(run_id=run_id, round=0, outcome="Initial", step=0, adapter=digest, config=digest, previous=digest),
    )


def record_failed_start(ledger: Ledger, run_id: str) -> None:
    """Round 0 of a run whose initial adapter could not be created."""
    ledger.claim(
        names.preflight("anna"),
        Preflight(run_id=run_id, participant="anna", samples=9, validation_samples=1, fingerprint=digest_bytes(b"x")),
    )
    ledger.claim(
        names.failure(1), Failure(run_id=run_id, number=1, round=0, reason="InitialiseFailed", message="no such module")
    )


def test_every_field_may_be_corrected_before_the_run_has_begun(ledger: Ledger):
    claim_run(ledger, run_of(SPEC, "first"))
    record_failed_start(ledger, "first")
    claimed = claim_run(Ledger(ledger.store, "default", "demo"), run_of(corrected(), "second"))
    assert (claimed.run_id, claimed.spec) == ("second", corrected())
    again = Ledger(ledger.store, "default", "demo")
    assert again.names() == [names.RUN], "no record of the first run keeps the name of one of the second"
    assert claim_run(again, run_of(corrected(), "third")).run_id == "second"


def test_records_of_a_replaced_run_are_deleted_by_the_next_claim_if_the_first_was_killed(ledger: Ledger):
    claim_run(ledger, run_of(SPEC, "first"))
    record_failed_start(ledger, "first")
    ledger.replace_run(run_of(corrected(), "second"))  # killed here
    claim_run(Ledger(ledger.store, "default", "demo"), run_of(corrected(), "third"))
    assert Ledger(ledger.store, "default", "demo").names() == [names.RUN]


def test_nothing_may_be_corrected_once_round_0_is_recorded(ledger: Ledger):
    claim_run(ledger, run_of(SPEC, "first"))
    record_round_0(ledger, "first")
    with pytest.raises(SpecDiffers, match="has begun with another spec"):
        claim_run(Ledger(ledger.store, "default", "demo"), run_of(corrected(), "second"))
    assert claim_run(Ledger(ledger.store, "default", "demo"), run_of(SPEC, "third")).run_id == "first"


def test_a_run_that_begins_while_it_is_corrected_keeps_its_name(folder_ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    claim_run(folder_ledger, run_of(SPEC, "first"))
    replace = folder_ledger.replace_run

    def replace_late(run: Run) -> None:
        record_round_0(Ledger(folder_ledger.store, "default", "demo"), "first")
        replace(run)

    monkeypatch.setattr(folder_ledger, "replace_run", replace_late)
    with pytest.raises(SpecDiffers):
        claim_run(folder_ledger, run_of(corrected(), "second"))
    found = Ledger(folder_ledger.store, "default", "demo").read(names.RUN, Run)
    assert found is not None
    assert found.run_id == "first"


def test_a_run_that_has_lost_run_json_is_not_written_over(ledger: Ledger):
    claim_run(ledger, run_of(SPEC, "first"))
    record_round_0(ledger, "first")
    ledger.delete(names.RUN)
    again = Ledger(ledger.store, "default", "demo")
    before = again.names()
    with pytest.raises(LostRun, match=r"`run\.json` is missing.*\(round 0\)"):
        claim_run(again, run_of(SPEC, "second"))
    assert again.names() == before
    assert [finding.name for finding in verify(again).findings] == [names.RUN]


def test_a_run_json_that_is_nested_too_deep_is_damaged(ledger: Ledger):
    ledger.store.create(ledger.key(names.RUN), b"[" * 100_000)
    with pytest.raises(LedgerCorrupt, match=r"nested too deep|not valid JSON"):
        claim_run(ledger, run_of(SPEC))
