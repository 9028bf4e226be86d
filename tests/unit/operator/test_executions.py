"""Tasks and Jobs as executions: their state, and when their end was first seen."""

from typing import Any

import pytest
from fedtrain_operator.coordinator.executions import Executions
from fedtrain_operator.kube.pod_outcome import PodOutcome

from fedtrain.manifests import labels
from fedtrain.manifests.kinds import Json
from fedtrain.rounds.snapshot import Execution, TaskKey
from tests.unit.operator.worlds import run, task

KEY = TaskKey(0, "Inspect", "bank-a", 1)


def body(uid: str = "first", desired: str = "Run", **status: Any) -> Json:
    made = task()
    return {**made, "metadata": {**made["metadata"], "uid": uid}, "spec": {"desiredState": desired}, "status": status}


def unread(job: Json) -> PodOutcome:
    raise AssertionError(job)


def executions_of(executions: Executions, *tasks: Json, now: float = 0.0) -> dict[TaskKey, Execution]:
    return dict(executions.of(run().run_id, tasks, (), unread, now))


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({}, Execution("Running")),
        ({"phase": "Succeeded"}, Execution("Done", 5.0)),
        ({"phase": "Failed", "retryable": True, "message": "why"}, Execution("Failed", 5.0, True, "why")),
        (
            {"phase": "Failed", "reason": "LedgerRefused", "retryable": True, "message": "denied"},
            Execution("Failed", 5.0, True, "denied", ledger_refused=True),
        ),
        ({"phase": "Refused", "reason": "NoPolicy"}, Execution("Failed", 5.0, False, "NoPolicy")),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_the_state_is_what_the_participant_reports(status: Json, expected: Execution) -> None:
    assert executions_of(Executions(), body(**status), now=5.0) == {KEY: expected}


@pytest.mark.parametrize("phase", ["Failed", "Refused", "Pending"])
def test_control_characters_in_a_participants_words_do_not_reach_the_terminals_of_the_hub(phase: str) -> None:
    (found,) = executions_of(
        Executions(), body(phase=phase, message="out of memory\n\x1b[2Jround 9 Succeeded")
    ).values()
    assert found.reason == "out of memory  [2Jround 9 Succeeded"


def test_a_cancelled_task_and_one_that_is_being_deleted_count_as_missing() -> None:
    leaving = body()
    leaving["metadata"]["deletionTimestamp"] = "2025-06-01T12:00:00Z"
    assert executions_of(Executions(), body(desired="Cancel")) == executions_of(Executions(), leaving) == {}


def test_an_end_is_dated_when_it_was_first_seen_and_forgotten_with_its_object() -> None:
    executions = Executions()
    executions_of(executions, body(phase="Succeeded"), now=5.0)
    assert executions_of(executions, body(phase="Succeeded"), now=9.0)[KEY].ended_at == 5.0
    executions_of(executions, now=10.0)
    assert executions.ended == {}


def test_a_job_that_failed_after_the_outcomes_were_read_counts_as_running() -> None:
    key = TaskKey(0, "Initialise", "_initialise", 1)
    metadata = {"name": "job", "namespace": "hub", "uid": "job", "labels": labels.of_task(run(), key)}
    job = {"metadata": metadata, "status": {"conditions": [{"type": "Failed", "status": "True"}]}}
    assert Executions().of(run().run_id, (), [job], lambda _: None, 5.0) == {key: Execution("Running")}
    why = PodOutcome(False, "out of memory")
    assert Executions().of(run().run_id, (), [job], lambda _: why, 5.0)[key].reason == "out of memory"
