"""The same run goes on, another one under its name is refused field by field."""

from typing import Any

import pytest

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts import names
from fedtrain.contracts.records import CONTRACT_VERSION, Run
from fedtrain.ledger.admission import Difference, NewerContract, SpecDiffers, claim_run, compare, new_run
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.store import LedgerCorrupt

SPEC: dict[str, Any] = {
    "model": {"base": "./base"},
    "data": {"dataset": "notes", "format": "Text"},
    "participants": [{"name": "anna"}, {"name": "berta", "training": {"learningRate": 0.1}}],
    "rounds": {"count": 3},
    "training": {"length": {"type": "Steps", "steps": 5}},
}


def run_of(spec: dict[str, Any], run_id: str = "r1") -> Run:
    return Run(run_id=run_id, namespace="default", name="demo", spec=spec)


def test_a_new_name_is_claimed_and_the_same_spec_goes_on_under_the_first_id(ledger: Ledger):
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
    assert "another metadata.name" in message


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
def test_what_may_change_or_means_the_same_is_no_difference(change: dict[str, Any]):
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
    with pytest.raises(LedgerCorrupt, match=r"default/demo/run\.json is no Run record"):
        claim_run(folder_ledger, run_of(SPEC))


def test_the_folder_of_a_run_cannot_be_renamed(folder_ledger: Ledger):
    claim_run(folder_ledger, run_of(SPEC))
    folder_ledger.store.create("default/copy/run.json", folder_ledger.content(names.RUN))
    copy = Ledger(folder_ledger.store, "default", "copy")
    with pytest.raises(LedgerCorrupt, match="holds the run default/demo, not default/copy"):
        claim_run(copy, Run(run_id="r2", namespace="default", name="copy", spec=SPEC))
