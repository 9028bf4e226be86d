"""Tasks that a participant's policy lets wait: suspension, limit of tasks, approval, windows."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fedtrain.api.rules.policy.rule import Situation
from fedtrain.api.training_task import TrainingTaskSpec
from fedtrain.manifests.policy_check import Wait, why_held
from tests.unit.operator.policy_tasks import FREE, IMAGE, base, train, with_compute, with_rank
from tests.unit.operator.worlds import policy


def held(order: TrainingTaskSpec, situation: Situation = FREE, **given: Any) -> Wait | None:
    return why_held(order, policy(**given), IMAGE, situation)


def test_a_suspended_policy_lets_tasks_wait() -> None:
    wait = held(train(), suspend=True)
    assert wait == Wait(
        "HeldByPolicy",
        "bank-b's policy (suspend) lets the task wait: the participant is suspended by its owner. The task "
        "starts by itself once the owner sets `suspend: false` in its ParticipantPolicy",
        "suspend",
    )
    assert held(train()) is None


def test_tasks_beyond_the_limit_wait_for_a_place() -> None:
    limits = {"concurrentTasks": 2}
    assert held(train(), Situation(0.0, 1), limits=limits) is None
    wait = held(train(), Situation(0.0, 2), limits=limits)
    assert wait is not None
    words = "2 tasks of at most 2 run already. The task starts by itself when another task ends"
    assert wait.message.endswith(f"(limits.concurrentTasks) lets the task wait: {words}")


def test_a_training_waits_until_its_digest_is_approved_once_for_all_its_tasks() -> None:
    wait = held(train(), approval="Manual")
    assert wait is not None
    assert wait.approval is not None
    assert wait.approval.model_dump(include={"namespace", "name", "base", "dataset", "adapter_rank"}) == {
        "namespace": "federations",
        "name": "tickets",
        "base": "s3://models/base",
        "dataset": "tickets",
        "adapter_rank": 16,
    }
    assert "fedtrain participant approve federations/tickets" in wait.message
    approved: dict[str, Any] = {"approval": "Manual", "approved_trainings": [wait.approval.digest]}
    assert held(train(), **approved) is None
    assert held(train(distinct=7), **approved) is None
    assert held(train(**with_compute(nodes=2)), **approved) is None
    for other in (with_rank(64), base("other/model"), {"storage": {"type": "S3", "s3": {"bucket": "elsewhere"}}}):
        assert held(train(**other), **approved) is not None


def at(text: str, zone: str = "Europe/Berlin") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


NIGHTS = [{"days": ["Mon", "Fri"], "start": "20:00", "end": "06:00", "timeZone": "Europe/Berlin"}]


@pytest.mark.parametrize(
    ("now", "is_open"),
    [
        ("2026-03-02T19:59:59", False),  # a Monday
        ("2026-03-02T20:00:00", True),
        ("2026-03-03T05:59:59", True),  # the window of Monday
        ("2026-03-03T06:00:00", False),
        ("2026-03-03T20:30:00", False),  # Tuesday has none
        ("2026-03-07T03:00:00", True),  # Saturday, of Friday
        ("2026-03-09T05:00:00", False),  # Monday morning belongs to Sunday
        ("2026-03-27T23:00:00", True),  # the night before the clocks change
    ],
)
def test_tasks_start_within_windows_in_the_owners_time_zone(now: str, is_open: bool) -> None:
    wait = held(train(), Situation(at(now), 0), windows=NIGHTS)
    assert (wait is None) is is_open
    if wait is not None:
        assert "tasks start only within Mon, Fri 20:00 to 06:00 (Europe/Berlin)" in wait.message


def test_a_window_without_days_is_open_every_day_and_equal_times_mean_the_whole_day() -> None:
    daily = [{"start": "08:00", "end": "17:00"}]
    assert held(train(), Situation(at("2026-03-01T12:00:00", "UTC"), 0), windows=daily) is None
    assert held(train(), Situation(at("2026-03-01T18:00:00", "UTC"), 0), windows=daily) is not None
    sundays = [{"days": ["Sun"], "start": "00:00", "end": "00:00"}]
    assert held(train(), Situation(at("2026-03-01T23:59:00", "UTC"), 0), windows=sundays) is None
    assert held(train(), Situation(at("2026-03-02T00:00:00", "UTC"), 0), windows=sundays) is not None


def test_a_time_zone_that_this_machine_lacks_keeps_the_window_closed_and_is_named() -> None:
    wait = held(train(), windows=[{"start": "00:00", "end": "00:00", "timeZone": "Mars/Olympus"}])
    assert wait is not None
    assert "Mars/Olympus, which is not a known time zone" in wait.message
