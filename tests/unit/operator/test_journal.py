"""What the owner of a participant sees of tasks: lines of the audit log, and events in the participant's namespace."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from fedtrain_operator.kube.api_error import ApiError
from fedtrain_operator.participant import audit_log

from fedtrain.api.status_fields import LOG_LINES, LONGEST_LINE, TrainingTaskStatus
from fedtrain.contracts.audit import AuditLine, entries, faults
from fedtrain.manifests import labels
from fedtrain.manifests.audit_log import NAME, files_of
from fedtrain.manifests.kinds import Json, Ref
from tests.unit.operator.api_server import Request
from tests.unit.operator.test_participant_sites import HERE, HUB, Remote
from tests.unit.operator.test_policy_at_work import change_policy
from tests.unit.operator.test_task_reconciler import Participant

SENT: list[Json] = [
    {"name": "0123.safetensors", "bytes": 83886080, "digest": "blake3:" + "a" * 64},
    {"name": "trainer.json", "bytes": 7},
]


def lines(remote: Remote) -> list[AuditLine]:
    files = files_of(remote.here.all("configmaps"))
    assert list(faults(files)) == []
    return [line for file in files for line in entries(file)]


def said(events: list[Json]) -> list[tuple[str, str]]:
    return [(one["type"], one["reason"]) for one in events]


def more_tasks(remote: Remote, count: int) -> list[Ref]:
    body = remote.hub.objects["trainingtasks", HUB, remote.ref.name]
    for number in range(count):
        metadata = {**body["metadata"], "name": f"more-{number}", "uid": f"uid-{number}"}
        added = remote.hub.add("trainingtasks", {**body, "metadata": metadata})
        remote.sign(added)
        remote.tasks.tasks.put(added)
    return [Ref(HUB, f"more-{number}") for number in range(count)]


def end(remote: Remote, condition: str, **outcome: Any) -> None:
    """The job ends, and its pod's container says why."""
    (job,) = remote.jobs
    status = {"conditions": [{"type": condition, "status": "True"}]}
    remote.tasks.jobs.cache.put(remote.here.add("pytorchjobs", {**job, "status": status}))
    code = 0 if condition == "Succeeded" else 1
    ended = {"exitCode": code, "message": json.dumps({"code": code, **outcome})}
    container = {"name": "pytorch", "state": {"terminated": ended}}
    pod = {"metadata": {"name": "master-0", "namespace": HERE}}
    remote.here.add("pods", {**pod, "status": {"phase": condition, "containerStatuses": [container]}})
    remote.reconcile()


def test_a_task_that_runs_has_two_lines_and_two_events_however_often_it_is_reconciled() -> None:
    remote = Remote()
    for _ in range(3):
        remote.reconcile()
    end(remote, "Succeeded", reason="", sent=SENT)
    remote.reconcile()
    started, finished = lines(remote)
    assert (started.event, started.dataset, started.hub) == ("Started", "tickets", "https://hub.example.org")
    assert (started.namespace, started.training, started.round, started.attempt) == ("hub", "tickets", 0, 1)
    assert finished.event == "Finished"
    assert [one.model_dump(exclude_none=True) for one in finished.sent or ()] == SENT
    events = remote.here.all("events")
    assert said(events) == [("Normal", "TaskStarted"), ("Normal", "TaskFinished")]
    assert "sent 0123.safetensors (83,886,080 bytes), trainer.json (7 bytes)" in events[1]["message"]
    about = events[0]["involvedObject"]
    assert (about["kind"], about["name"], about["namespace"]) == ("ParticipantPolicy", "bank-b", HERE)


def test_what_a_failed_task_sent_is_listed_with_the_reason() -> None:
    remote = Remote()
    remote.reconcile()
    end(remote, "Failed", reason="out of memory on the GPU", sent=SENT[1:])
    failed = lines(remote)[-1]
    assert (failed.event, failed.message, len(failed.sent or ())) == ("Failed", "out of memory on the GPU", 1)
    assert said(remote.here.all("events"))[-1] == ("Warning", "TaskFailed")


def test_objects_that_a_trainer_does_not_list_are_unknown() -> None:
    remote = Remote()
    remote.reconcile()
    end(remote, "Succeeded", reason="")
    assert lines(remote)[-1].sent is None
    assert "unknown" in remote.here.all("events")[-1]["message"]


def test_a_refused_task_has_the_rule_that_refused_it() -> None:
    remote = Remote()
    change_policy(remote, allow={"requesters": [{"namespace": "other"}]})
    remote.reconcile()
    (refused,) = lines(remote)
    assert (refused.event, refused.rule) == ("Refused", "allow.requesters")
    assert said(remote.here.all("events")) == [("Warning", "TaskRefused")]
    message = remote.here.all("events")[0]["message"]
    assert "add the training to `allow.requesters` in its ParticipantPolicy" in message
    assert message.endswith(". A change of the policy applies to the next task")


def test_a_suspended_policy_stops_the_task_which_then_starts_again() -> None:
    remote = Remote()
    remote.reconcile()
    change_policy(remote, suspend=True)
    for _ in range(3):
        remote.reconcile()
    change_policy(remote, suspend=False)
    remote.reconcile()
    found = [(line.event, line.rule) for line in lines(remote)]
    assert found == [("Started", None), ("Stopped", "suspend"), ("Started", None)]
    assert said(remote.here.all("events"))[1] == ("Warning", "TaskStopped")


def test_a_deleted_policy_stops_the_task() -> None:
    remote = Remote()
    remote.reconcile()
    remote.tasks.policies.drop(remote.here.objects.pop(("participantpolicies", HERE, "bank-b")))
    remote.reconcile()
    assert [line.event for line in lines(remote)] == ["Started", "Stopped"]


def test_a_task_that_the_hub_deletes_while_it_runs_is_noted() -> None:
    remote = Remote()
    remote.reconcile()
    remote.delete_task()
    remote.reconcile()
    remote.reconcile()
    assert [line.event for line in lines(remote)] == ["Started", "Cancelled"]


def relabelled(remote: Remote) -> None:
    """As a hub may do with a task that runs: it says that another training asked for it, which is another round."""
    body = remote.hub.objects["trainingtasks", HUB, remote.ref.name]
    known = body["metadata"]["labels"]
    changed = {name: "7" for name in known if name.startswith("fedtrain.dev/") and name != labels.PARTICIPANT}
    metadata = {**body["metadata"], "labels": {**known, **changed}}
    remote.tasks.tasks.put(remote.hub.add("trainingtasks", {**body, "metadata": metadata}))


def restarted(remote: Remote) -> Remote:
    """Another operator with the same clusters. Its watches have listed the tasks and jobs."""
    later = Remote()
    for now, before in ((later.here, remote.here), (later.hub, remote.hub)):
        now.objects = before.objects
        now._versions = before._versions  # pyright: ignore[reportPrivateUsage]
    later.tasks.tasks.put(remote.hub.objects["trainingtasks", HUB, remote.ref.name])
    for job in later.jobs:
        later.tasks.jobs.cache.put(job)
    return later


def finish(remote: Remote) -> None:
    end(remote, "Succeeded", reason="", sent=SENT)


def suspend(remote: Remote) -> None:
    change_policy(remote, suspend=True)
    remote.reconcile()
    remote.reconcile()


def cancel(remote: Remote) -> None:
    body = remote.hub.objects["trainingtasks", HUB, remote.ref.name]
    cancelled = {**body, "spec": {**body["spec"], "desiredState": "Cancel"}}
    remote.tasks.tasks.put(remote.hub.add("trainingtasks", cancelled))
    remote.reconcile()


@pytest.mark.parametrize("restarts", [False, True], ids=["", "after a restart"])
@pytest.mark.parametrize("then", [finish, suspend, cancel])
def test_lines_about_a_task_that_the_hub_relabels_name_what_was_started(
    then: Callable[[Remote], None], restarts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fedtrain.contracts.audit.FILE_BYTES", 8 * 1024 + 100)  # one line in each file
    remote = Remote()
    remote.reconcile()
    relabelled(remote)
    then(remote := restarted(remote) if restarts else remote)
    started, *others = lines(remote)
    assert started.event == "Started"
    assert {line.event for line in others} in ({"Finished"}, {"Stopped"}, {"Cancelled"})
    names = ("namespace", "training", "run", "work", "round", "attempt")
    assert all([getattr(line, name) for name in names] == [getattr(started, name) for name in names] for line in others)
    assert "hub/tickets, round 0" in remote.here.all("events")[-1]["message"]


def test_a_task_that_takes_the_name_of_one_that_runs_does_not_take_its_job() -> None:
    """The hub deletes a task and creates another one of this name before the watch says so."""
    remote = Remote()
    remote.reconcile()
    body = remote.hub.objects["trainingtasks", HUB, remote.ref.name]
    remote.delete_task()
    metadata = {**body["metadata"], "uid": "uid-later"}
    again = remote.hub.add("trainingtasks", {**body, "metadata": metadata, "status": {}})
    remote.sign(again)
    remote.tasks.tasks.put(again)
    end(remote, "Succeeded", reason="", sent=SENT)
    assert remote.jobs == []
    remote.reconcile()
    assert len(remote.jobs) == 1
    found = [(line.event, line.uid) for line in lines(remote)]
    first = body["metadata"]["uid"]
    assert found == [("Started", first), ("Cancelled", first), ("Started", "uid-later")]


def test_no_task_starts_while_its_line_cannot_be_written() -> None:
    remote = Remote()

    def fault(request: Request) -> ApiError | None:
        return ApiError(403, "Forbidden", "configmaps is forbidden") if request.kind == "configmaps" else None

    remote.here.fault = fault
    remote.reconcile()
    assert remote.jobs == []
    message = remote.hub.objects["trainingtasks", HUB, remote.ref.name]["status"]["message"]
    assert "403 Forbidden: configmaps is forbidden" in message
    remote.here.fault = lambda _: None
    remote.reconcile()
    assert len(remote.jobs) == 1


def test_two_operators_lose_no_line() -> None:
    first, second = Remote(), Remote()
    second.here.objects, second.hub.objects = first.here.objects, first.hub.objects
    second.here._versions = first.here._versions  # pyright: ignore[reportPrivateUsage]
    one, two = more_tasks(first, 2)
    for remote, task in ((first, first.ref), (second, one), (first, two)):
        remote.ref = task
        remote.reconcile()
    assert [(line.number, line.event) for line in lines(first)] == [(1, "Started"), (2, "Started"), (3, "Started")]


def test_an_operator_that_restarts_repeats_no_line() -> None:
    first = Remote()
    change_policy(first, suspend=True)
    first.reconcile()
    second = Remote()
    second.here.objects, second.hub.objects = first.here.objects, first.hub.objects
    second.reconcile()
    assert [line.event for line in lines(first)] == ["Waiting"]


def test_complete_files_are_copied_to_immutable_config_maps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fedtrain.contracts.audit.FILE_BYTES", 8 * 1024 + 700)
    remote = Remote()
    for index in range(6):
        remote.reconcile()
        change_policy(remote, suspend=index % 2 == 0)
    assert [line.number for line in lines(remote)] == [1, 2, 3, 4, 5, 6]
    bodies = {body["metadata"]["name"]: body for body in remote.here.all("configmaps")}
    assert {NAME, f"{NAME}-0001"} < bodies.keys()
    assert all(body.get("immutable", False) == (name != NAME) for name, body in bodies.items())


def test_a_hub_cannot_fill_the_log_with_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_log, "MOST_OBJECTIONS", 2)
    remote = Remote()
    change_policy(remote, allow={"requesters": [{"namespace": "other"}]})
    for task in more_tasks(remote, 5):
        remote.ref = task
        remote.reconcile()
    assert [line.event for line in lines(remote)] == ["Refused", "Refused", "Omitted"]


def test_simultaneous_lines_are_all_written() -> None:
    remote = Remote()
    tasks = [remote.ref, *more_tasks(remote, 5)]

    async def together() -> None:
        await asyncio.gather(*(remote.tasks.reconcile(one) for one in tasks))

    asyncio.run(together())
    assert [line.number for line in lines(remote)] == [1, 2, 3, 4, 5, 6]


def test_a_namespace_of_the_hubs_cluster_has_events_about_blocked_tasks_and_no_log() -> None:
    participant = Participant()
    participant.reconcile()
    participant.set_job(conditions=[{"type": "Running", "status": "True"}])
    participant.reconcile()
    assert participant.server.all("events") == []
    policy = participant.server.objects["participantpolicies", "at-bank-b", "bank-b"]
    suspended = {**policy, "spec": {**policy["spec"], "suspend": True}}
    participant.tasks.policies.put(participant.server.add("participantpolicies", suspended))
    for _ in range(3):
        participant.reconcile()
    assert said(participant.server.all("events")) == [("Warning", "TaskStopped")]
    assert participant.server.all("configmaps") == []


@pytest.mark.parametrize(
    ("logs", "condition", "shown"),
    [
        (None, "Failed", False),
        ("None", "Failed", False),
        ("Failures", "Failed", True),
        ("Failures", "Succeeded", False),
        ("All", "Succeeded", True),
    ],
)
def test_the_hub_sees_the_log_that_the_policy_allows(logs: str | None, condition: str, shown: bool) -> None:
    remote = Remote()
    if logs is not None:
        change_policy(remote, logs=logs)
    remote.reconcile()
    end(remote, condition, reason="out of memory", sent=[], log=["12:00:00 info data", "12:00:01 info training"])
    status = remote.hub.objects["trainingtasks", HUB, remote.ref.name]["status"]
    assert status["phase"] == condition
    assert status.get("logTail") == ("12:00:00 info data\n12:00:01 info training" if shown else None)


def test_a_log_of_any_size_fits_the_status() -> None:
    remote = Remote()
    change_policy(remote, logs="All")
    remote.reconcile()
    end(remote, "Failed", reason="", sent=[], log=["x" * 1000] * 1000)
    tail = remote.hub.objects["trainingtasks", HUB, remote.ref.name]["status"]["logTail"]
    assert TrainingTaskStatus.model_validate({"logTail": tail}).log_tail == "\n".join(["x" * LONGEST_LINE] * LOG_LINES)
