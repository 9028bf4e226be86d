"""A participant's own ledger of privacy: what a task must promise, and what all trainings have spent together."""

import asyncio
import json

import pytest
from fedtrain_operator.kube.api_error import ApiError

from fedtrain.api.training_task import TrainingTaskSpec
from fedtrain.contracts.tasks import Assignment, Measure, Train
from fedtrain.contracts.wire.task import from_wire, to_wire
from fedtrain.manifests.policy_check import Refusal, judge
from fedtrain.manifests.privacy_ledger import entered
from fedtrain.privacy.accounting import Release, epsilon
from tests.unit.operator.api_server import Request
from tests.unit.operator.policy_tasks import IMAGE, train
from tests.unit.operator.privacy_owner import Owner, of_examples, order, refused
from tests.unit.operator.test_participant_sites import HERE
from tests.unit.operator.test_policy_at_work import change_policy, status
from tests.unit.operator.worlds import policy, task


def test_a_task_without_a_promise_is_refused_where_the_policy_requires_one() -> None:
    for privacy, words in (
        ({"unit": "Participant"}, "(privacy.unit) refuses the task: the training promises no privacy, but this"),
        ({"minNoiseMultiplier": 0.8}, "(privacy.minNoiseMultiplier) refuses the task: the training promises no"),
        ({"maxEpsilon": 8.0}, "(privacy.maxEpsilon) refuses the task: the training promises no privacy"),
    ):
        assert words in refused(train(), **privacy)
    assert refused(train()) == ""
    assert refused(order(), unit="Participant", minNoiseMultiplier=1.0, maxEpsilon=4.4) == ""


def test_less_noise_than_the_policy_requires_is_refused_with_both_numbers() -> None:
    words = (
        "the training promises a noise multiplier of 0.7; the minimum is 0.8. In the FederatedTraining, set `noise: "
    )
    assert words in refused(order(0.7), minNoiseMultiplier=0.8)


def test_the_policy_may_require_that_single_rows_are_protected() -> None:
    assert refused(of_examples(1.0), unit="Example", minNoiseMultiplier=0.8) == ""
    assert "the minimum is 0.8" in refused(of_examples(0.7), minNoiseMultiplier=0.8)
    assert "promises no privacy" in refused(of_examples(1.0, testing_seed=1), unit="Example")
    assert "the training protects unit: Participant" in refused(order(), unit="Example")


@pytest.mark.parametrize("multiplier", [0.0, -1.0, 1e9])
def test_a_multiplier_that_is_not_noise_cannot_be_read(multiplier: float) -> None:
    asked = order()
    content = asked.model_dump(mode="json", by_alias=True, exclude_none=True)
    content["task"]["privacy"]["multiplier"] = multiplier
    judged = judge(TrainingTaskSpec.model_validate(content), policy(), IMAGE)
    assert isinstance(judged, Refusal)
    assert judged.reason == "MalformedTask"


def test_other_work_needs_no_promise() -> None:
    inspect = TrainingTaskSpec.model_validate(task("bank-b")["spec"])
    assert isinstance(judge(inspect, policy(privacy={"maxEpsilon": 1.0}), IMAGE), Assignment)


def test_metrics_of_single_rows_are_refused_where_each_row_must_be_protected() -> None:
    plain = from_wire(train().task.model_dump(mode="json", by_alias=True, exclude_none=True))
    assert isinstance(plain.work, Train)
    known = {name: getattr(plain.work, name) for name in ("adapter", "config", "fingerprint")}
    content = train().model_dump(mode="json", by_alias=True, exclude_none=True)
    work = Measure(**known, metrics=())
    content["task"] = to_wire(plain.model_copy(update={"work": work}))
    measuring = TrainingTaskSpec.model_validate(content)
    assert "(privacy.unit) refuses the task: the task sends metrics of single rows" in refused(
        measuring, unit="Example"
    )
    assert refused(measuring, unit="Participant", maxEpsilon=1.0) == "", "the hub is trusted with metrics"


def test_a_loss_that_the_samples_of_the_noise_do_not_bound_is_refused_at_the_owners_delta() -> None:
    """What samples of the generator cannot produce has a probability of 1e-8 with 15 steps, and delta is smaller."""
    small = {"maxEpsilon": 50.0, "delta": 1e-10}
    for asked, unit in ((of_examples(0.4), "Example"), (order(0.4), "Participant")):
        assert refused(asked, maxEpsilon=50.0) == ""
        words = (
            f"(privacy.maxEpsilon) refuses the task: the noise of all trainings on data set tickets with unit: {unit} "
            "together is too small to bound the privacy loss at delta 1e-10. In the FederatedTraining, raise "
            "`privacy.noise.multiplier`, or ask the owner of bank-b to raise `privacy.delta` in its ParticipantPolicy"
        )
        assert words in refused(asked, **small)
    assert refused(of_examples(1.0), **small) == ""
    owner = Owner(maxEpsilon=50.0)
    for _ in range(3):
        owner.ask(of_examples(0.4))
    change_policy(owner.remote, privacy=small)
    assert "too small to bound" in owner.ask(of_examples(1.0))["message"], "earlier starts count"


def test_rounds_of_all_trainings_are_composed_until_the_maximum() -> None:
    """z = 1: epsilon 4.38, 6.57, 8.39 after 1, 2, 3 releases, whichever trainings they are of."""
    owner = Owner(maxEpsilon=8.0)
    owner.ask(order(round=1))
    owner.ask(order(round=1, run_id="run-2", name="others"))
    assert len(owner.remote.jobs) == 2
    found = owner.ask(order(round=2))
    assert (found["phase"], found["reason"]) == ("Refused", "PolicyRefused")
    assert (
        "(privacy.maxEpsilon) refuses the task: with this round, all trainings on data set tickets with unit: "
        "Participant together spend epsilon 8.385; the maximum is 8"
    ) in found["message"]
    assert len(owner.remote.jobs) == 2
    assert owner.counts == {Release(1.0): 2}
    assert epsilon(owner.counts, 1e-5) == pytest.approx(6.573, abs=1e-3)
    metadata = owner.remote.here.objects["configmaps", HERE, "fedtrain-privacy"]["metadata"]
    assert "ownerReferences" not in metadata
    assert metadata["labels"] == {"app.kubernetes.io/managed-by": "fedtrain"}, "or the chart refuses it"


def test_another_data_set_has_its_own_sum() -> None:
    owner = Owner(maxEpsilon=5.0)
    change_policy(owner.remote, datasets=[{"name": name, "uri": f"/data/{name}"} for name in ("tickets", "notes")])
    owner.ask(order())
    data = from_wire(train().task.model_dump(mode="json", by_alias=True, exclude_none=True)).data
    owner.ask(order(data=data.model_copy(update={"dataset": "notes"})))
    assert len(owner.remote.jobs) == 2
    assert sorted(owner.ledger) == ["bank-b.notes.run-1", "bank-b.tickets.run-1"]


@pytest.mark.parametrize(
    ("tickets", "notes", "shared"),
    [
        ("/data/tickets", "file:///data/tickets/", True),
        ("/data/tickets", "/data/tickets/may.jsonl", True),
        ("/data/all/tickets", "/data/all", True),
        ("s3://bank/rows", "s3://bank/rows/may.jsonl", True),
        ("/data/tickets", "/data/tickets2", False),
        ("s3://bank/data", "/bank/data", False),
    ],
)
def test_two_names_of_the_same_data_share_their_loss(tickets: str, notes: str, shared: bool) -> None:
    owner = Owner(maxEpsilon=5.0)
    change_policy(owner.remote, datasets=[{"name": "tickets", "uri": tickets}, {"name": "notes", "uri": notes}])
    owner.ask(order())
    data = from_wire(train().task.model_dump(mode="json", by_alias=True, exclude_none=True)).data
    found = owner.ask(order(run_id="run-2", data=data.model_copy(update={"dataset": "notes"})))
    assert (found.get("phase") == "Refused") is shared
    if shared:
        assert "all trainings on data set notes with unit: Participant together spend epsilon 6.573" in found["message"]


def test_attempts_of_one_plan_are_one_release_and_another_plan_is_another() -> None:
    owner = Owner()
    owner.ask(order(round=1, attempt=1))
    owner.ask(order(round=1, attempt=2))
    assert owner.counts == {Release(1.0): 1}
    owner.ask(order(round=1, plan=7))
    assert owner.counts == {Release(1.0): 2}


def test_draws_that_the_hub_reports_count_too() -> None:
    """Round 1 was redone: two draws, of which this participant saw one task."""
    owner = Owner()
    owner.ask(order(round=1))
    owner.ask(order(round=2, released={1.0: 2}))
    assert owner.counts == {Release(1.0): 3}
    owner.ask(order(round=3, multiplier=2.0, released={1.0: 1}))
    assert owner.counts == {Release(1.0): 3, Release(2.0): 1}


def test_a_round_is_entered_before_its_job_exists() -> None:
    owner = Owner()

    def jobs_fail(request: Request) -> ApiError | None:
        return ApiError(422, "Invalid", "no", causes=1) if request.kind == "pytorchjobs" else None

    owner.ask(order(), fault=jobs_fail)
    assert owner.remote.jobs == []
    assert owner.counts == {Release(1.0): 1}


def test_no_job_starts_if_the_round_cannot_be_entered() -> None:
    owner = Owner()

    def forbidden(request: Request) -> ApiError | None:
        if request.kind == "configmaps" and request.verb != "get":
            return ApiError(403, "Forbidden", "configmaps is forbidden")
        return None

    found = owner.ask(order(), fault=forbidden)
    assert owner.remote.jobs == []
    assert "configmaps is forbidden" in found["message"]


def test_no_job_starts_if_the_ledger_has_changed_since_it_was_read() -> None:
    owner = Owner(maxEpsilon=5.0)
    owner.ask(order(run_id="run-0", multiplier=100.0))

    def other_first(request: Request) -> ApiError | None:
        if request.kind == "configmaps" and request.verb == "patch":
            owner.remote.here.fault = lambda _: None
            body = owner.remote.here.objects["configmaps", HERE, "fedtrain-privacy"]
            other = from_wire(order(run_id="run-9").task.model_dump(mode="json", by_alias=True, exclude_none=True))
            ((key, entry),) = entered({}, other).items()
            data = {**body["data"], key: entry.model_dump_json(by_alias=True)}
            owner.remote.here.add("configmaps", {**body, "data": data})
        return None

    owner.ask(order(), fault=other_first)
    assert len(owner.remote.jobs) == 1, "that of run-0"
    asyncio.run(owner.remote.tasks.reconcile(owner.remote.ref))
    assert status(owner.remote)["phase"] == "Refused", "the other training has spent the rest"


def test_an_unreadable_ledger_lets_the_task_wait() -> None:
    owner = Owner(maxEpsilon=8.0)
    owner.ask(order())
    owner.ledger["bank-b.tickets.run-1"] = json.dumps({"releases": {"x": 1}})
    found = owner.ask(order(round=2))
    assert (found["phase"], found["reason"]) == ("Pending", "PrivacyUnknown")
    assert "entry bank-b.tickets.run-1 of ConfigMap fedtrain-privacy cannot be read" in found["message"]


def test_a_hub_cannot_hide_a_training_behind_its_id() -> None:
    owner = Owner()
    owner.ask(order(run_id="x.bank-b.y"))
    assert owner.counts == {Release(1.0): 1}
