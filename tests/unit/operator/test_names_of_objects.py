"""What the coordinator makes is found again by its labels, and its name depends on the task alone."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedtrain.manifests import labels
from fedtrain.manifests.kinds import Ref
from fedtrain.rounds.snapshot import TaskKey
from tests.unit.operator.worlds import run

KEYS = [
    TaskKey(0, "Inspect", "bank-a", 1),
    TaskKey(3, "Train", "bank-a", 1),
    TaskKey(3, "Train", "bank-a", 2),
    TaskKey(3, "Train", "bank-b", 1),
    TaskKey(4, "Train", "bank-a", 1),
    TaskKey(3, "Measure", "bank-a", 1),
    TaskKey(0, "Initialise", "_initialise", 1),
    TaskKey(3, "Aggregate", "_aggregate-1", 1),
    TaskKey(3, "Aggregate", "_aggregate-2", 1),
    TaskKey(3, "Evaluate", "_evaluate-1", 1),
]
WHO = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?", fullmatch=True)


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_a_key_is_found_again_by_the_labels(key: TaskKey) -> None:
    body = {"metadata": {"name": "any", "labels": labels.of_task(run(), key)}}
    assert labels.key_of(body, run().run_id) == key
    assert labels.training_of(body) == Ref("hub", "tickets")


def test_objects_of_another_run_or_user_are_not_tasks() -> None:
    body = {"metadata": {"name": "any", "labels": labels.of_task(run(), KEYS[1])}}
    assert labels.key_of(body, "another run") is None
    assert labels.key_of({"metadata": {"name": "any"}}, run().run_id) is None
    assert labels.training_of({"metadata": {"name": "any"}}) is None


def test_a_measurement_is_shown_with_the_round_whose_adapter_it_measures() -> None:
    shown = {key.kind: labels.round_of({"metadata": {"labels": labels.of_task(run(), key)}}) for key in KEYS[3:6]}
    assert shown == {"Train": 4, "Measure": 2}
    for foreign in ({}, {"labels": {labels.ROUND: "-1"}}, {"labels": {labels.ROUND: "many"}}):
        assert labels.round_of({"metadata": foreign}) == 0


def test_every_task_has_a_unique_name() -> None:
    assert len({labels.name_of(run(), key) for key in KEYS}) == len(KEYS)


def test_trainings_of_one_name_in_two_namespaces_do_not_meet_at_a_participant() -> None:
    here, there = run("team-a"), run("team-b")
    assert labels.name_of(here, KEYS[1]) != labels.name_of(there, KEYS[1])


def test_a_short_name_can_be_read() -> None:
    assert labels.name_of(run(), KEYS[1]).startswith("tickets-3-train-bank-a-1-")
    assert labels.name_of(run(), KEYS[7]).startswith("tickets-3-aggregate-1-1-")


@given(name=WHO, who=WHO, attempt=st.integers(1, 500))
def test_names_leave_room_for_what_pytorchjob_adds_and_are_names_of_services(name: str, who: str, attempt: int) -> None:
    key = TaskKey(9999, "Inspect", who, attempt)
    made = labels.name_of(run(name=name), key)
    assert len(f"{made}-worker-1023") <= 63
    assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", made)
    for value in labels.of_task(run(name=name), key).values():
        assert re.fullmatch(r"[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?", value)
