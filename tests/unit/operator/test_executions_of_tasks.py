"""What tasks and Jobs say, as a decision reads it: how each stands, and when it was first seen to have ended."""

from typing import Any

import pytest
from fedtrain_operator.coordinator.executions import Executions
from fedtrain_operator.kube.pod_outcome import PodOutcome

from fedtrain.manifests.kinds import Json
from fedtrain.rounds.snapshot import Execution, TaskKey
from tests.unit.operator.worlds import run, task

KEY = TaskKey(0, "Inspect", "bank-a", 1)


def body(uid: str = "first", desired: str = "Run", **status: Any) -> Json:
    made = task()
    return {**made, "metadata": {**made["metadata"], "uid": uid}, "spec": {"desiredState": desired}, "status": status}


def unread(job: Json) -> PodOutcome:
    raise AssertionError(job)


def told(executions: Executions, *tasks: Json, now: float = 0.0) -> dict[TaskKey, Execution]:
    return dict(executions.of(run().run_id, tasks, (), unread, now))


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({}, Execution("Running")),
        ({"phase": "Succeeded"}, Execution("Done", 5.0)),
        ({"phase": "Failed", "retryable": True, "message": "why"}, Execution("Failed", 5.0, True, "why")),
        ({"phase": "Refused", "reason": "NoPolicy"}, Execution("Failed", 5.0, False, "NoPolicy")),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_a_task_stands_as_its_participant_says(status: Json, expected: Execution) -> None:
    assert told(Executions(), body(**status), now=5.0) == {KEY: expected}


def test_what_is_asked_to_stop_or_is_being_deleted_counts_as_none() -> None:
    leaving = body()
    leaving["metadata"]["deletionTimestamp"] = "2025-06-01T12:00:00Z"
    assert told(Executions(), body(desired="Cancel")) == told(Executions(), leaving) == {}


def test_an_end_is_dated_when_it_was_seen_first_and_forgotten_with_its_object() -> None:
    executions = Executions()
    told(executions, body(phase="Succeeded"), now=5.0)
    assert told(executions, body(phase="Succeeded"), now=9.0)[KEY].ended_at == 5.0
    told(executions, now=10.0)
    assert executions.ended == {}
