"""Rounds of a training that mixes data sets: plans contain the slices of each data set, and tasks repeat them."""

import pytest
from pydantic import ValidationError

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts.canonical import canonical
from fedtrain.contracts.records import ModelFacts, Plan, Run
from fedtrain.contracts.tasks import Train
from fedtrain.contracts.untrusted_records import DatasetCount, Preflight
from fedtrain.gathering.ledger_facts import uncounted_data_sets
from fedtrain.partitioning.partition import partition, situation
from fedtrain.partitioning.positions import positions_of
from fedtrain.preview.dry_run import DIGEST, RUN_ID, DryRun, Ends
from fedtrain.rounds.decision import AggregateOrder

MIX = {"format": "Text", "datasets": [{"name": "notes", "share": 2}, {"name": "guidelines", "share": 1}]}
FACTS = ModelFacts(base_parameters=1, adapter_parameters=1, hidden_size=1, layers=1, vocabulary=1)


def spec(data: object) -> FederatedTrainingSpec:
    return FederatedTrainingSpec.model_validate(
        {
            "model": {"base": "./base"},
            "data": data,
            "participants": [{"name": "clinic"}, {"name": "lab"}],
            "rounds": {"count": 3},
            "training": {"length": {"type": "Steps", "steps": 1}},
            "partitioning": {"strategy": "FixedSize", "fixedSize": {"samples": 10}},
        }
    )


def preflight(who: str, **samples: int) -> Preflight:
    return Preflight(
        run_id=RUN_ID,
        participant=who,
        samples=sum(samples.values()),
        validation_samples=0,
        fingerprint=DIGEST,
        datasets=tuple(DatasetCount(name=name, samples=rows, validation_samples=0) for name, rows in samples.items()),
    )


def test_a_participant_without_rows_in_a_data_set_sits_out_alone() -> None:
    counted = {"clinic": preflight("clinic", notes=40, guidelines=5), "lab": preflight("lab", notes=40, guidelines=0)}
    shares = partition(
        spec(MIX).partitioning, situation(spec(MIX), preflights=counted, positions=positions_of(None), facts=FACTS)
    )
    assert [(share.participant, share.samples, share.reason) for share in shares] == [
        ("clinic", 10, None),
        ("lab", 0, "its data set guidelines has no training samples"),
    ]
    run = Run(run_id=RUN_ID, namespace="default", name="mixed", spec={})
    with pytest.raises(
        Ends, match="needs 2 valid updates and can have 1: lab: its data set guidelines has no training"
    ):
        list(DryRun(spec(MIX), run, counted, FACTS).orders(1))


def trained(rounds: int) -> list[tuple[int, str, Train]]:
    """Round, participant and work of all tasks that train."""
    counted = {who: preflight(who, notes=40, guidelines=5) for who in ("clinic", "lab")}
    run = Run(run_id=RUN_ID, namespace="default", name="mixed", spec={})
    found: list[tuple[int, str, Train]] = []
    for start in DryRun(spec(MIX), run, counted, FACTS).orders(rounds):
        if not isinstance(start.order, AggregateOrder) and isinstance(start.order.work, Train):
            found.append((start.key.round, start.key.who, start.order.work))
    return found


def test_each_round_continues_the_stream_of_each_data_set_in_its_share() -> None:
    slices = {
        (round, who): [(one.name, one.population, one.start, one.samples) for one in work.datasets or ()]
        for round, who, work in trained(3)
    }
    for who in ("clinic", "lab"):
        assert slices[1, who] == [("notes", 40, 0, 7), ("guidelines", 5, 0, 3)]
        assert slices[2, who] == [("notes", 40, 7, 6), ("guidelines", 5, 3, 4)]
        assert slices[3, who] == [("notes", 40, 13, 7), ("guidelines", 5, 7, 3)]


def test_the_slice_of_a_round_is_the_sum_of_its_data_sets() -> None:
    for round, _, work in trained(3):
        assert work.samples == sum(one.samples for one in work.datasets or ()) == 10
        assert (work.start, work.population) == (10 * (round - 1), 45)
        assert work.distinct == 10, "3 guidelines of a pass of 5 are distinct, also over its end"


def test_a_plan_without_a_mix_has_the_bytes_of_before() -> None:
    plan = Plan(run_id="r", round=1, previous=DIGEST, members=(), progress_start=0.0, progress_end=1.0)
    assert b"dataset" not in canonical(plan)


def test_a_preflight_that_counts_other_data_sets_does_not_count() -> None:
    mixed = {"data": MIX}
    assert uncounted_data_sets(mixed, preflight("clinic", notes=4, guidelines=1)) is None
    assert uncounted_data_sets(mixed, preflight("clinic", notes=4)) == "counts notes instead of notes, guidelines"
    plain = preflight("clinic", notes=4).model_copy(update={"datasets": None})
    assert uncounted_data_sets(mixed, plain) == "counts one data set instead of notes, guidelines"
    assert uncounted_data_sets({"data": {"dataset": "notes"}}, plain) is None


def test_data_sets_add_up_to_the_samples_of_a_preflight() -> None:
    content = preflight("clinic", notes=4, guidelines=1).model_dump() | {"samples": 6}
    with pytest.raises(ValidationError, match="do not add up"):
        Preflight.model_validate(content)
