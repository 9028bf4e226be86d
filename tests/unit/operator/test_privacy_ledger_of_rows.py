"""A participant's ledger of privacy where single rows are protected: the noise of each step counts."""

from typing import Any

from fedtrain_operator.kube.api_error import ApiError
from fedtrain_operator.participant.privacy_claims import Starts
from fedtrain_operator.participant.task_status import uploading

from fedtrain.api.training_task import TrainingTaskSpec
from fedtrain.contracts.privacy_blocks import ExampleNoise
from fedtrain.contracts.wire.task import from_wire, to_wire
from fedtrain.manifests import labels
from fedtrain.privacy.accounting import Poisson, Release, epsilon
from tests.unit.operator.api_server import Request
from tests.unit.operator.policy_tasks import train
from tests.unit.operator.privacy_owner import PLANS, Owner, order, refused
from tests.unit.operator.test_participant_sites import HERE, HUB
from tests.unit.operator.test_policy_at_work import change_policy


def test_rows_are_protected_by_noise_of_the_participant_not_by_words_of_the_hub() -> None:
    asked = order()
    plain = from_wire(asked.task.model_dump(mode="json", by_alias=True, exclude_none=True))
    assert plain.privacy is not None
    other = plain.model_copy(update={"privacy": plain.privacy.model_copy(update={"unit": "Example"})})
    content = asked.model_dump(mode="json", by_alias=True, exclude_none=True) | {"task": to_wire(other)}
    for unit in ("Participant", "Example"):
        words = f"the training promises no privacy, but this participant requires unit: {unit}"
        assert words in refused(TrainingTaskSpec.model_validate(content), unit=unit)


STEP = Release(1.1, Poisson(0.02))


def example_order(attempt: int = 1, **work: Any) -> TrainingTaskSpec:
    """A task of bank-b that trains with DP-SGD: 10 steps."""
    asked = train()
    plain = from_wire(asked.task.model_dump(mode="json", by_alias=True, exclude_none=True))
    noise = ExampleNoise(probability=0.02, batch=20, steps=10, bound=1.0, multiplier=1.1)
    own = plain.work.model_copy(update={"plan": PLANS[1], "example_noise": noise, **work})
    content = asked.model_dump(mode="json", by_alias=True, exclude_none=True)
    return TrainingTaskSpec.model_validate(
        {**content, "task": to_wire(plain.model_copy(update={"work": own, "attempt": attempt}))}
    )


def test_steps_of_each_attempt_count_where_single_rows_are_protected() -> None:
    owner = Owner(minNoiseMultiplier=1.0, maxEpsilon=8.0)
    owner.ask(example_order())
    assert owner.counts_of("Example") == {Release(1.1, Poisson(0.02)): 10}
    owner.ask(example_order(attempt=2))
    assert owner.counts_of("Example") == {Release(1.1, Poisson(0.02)): 20}, "another attempt draws other noise"
    assert len(owner.remote.jobs) == 2
    assert owner.counts == {}


def test_a_task_that_the_hub_deletes_and_creates_again_counts_again_and_is_refused_beyond_the_maximum() -> None:
    owner = Owner(maxEpsilon=epsilon({STEP: 25}, 1e-5))
    owner.ask(example_order())
    owner.remote.delete_task()
    owner.remote.reconcile()
    assert owner.remote.jobs == []
    owner.ask(example_order())
    assert owner.counts_of("Example") == {STEP: 20}
    assert len(owner.remote.jobs) == 1
    found = owner.ask(example_order())
    assert (found["phase"], found["reason"]) == ("Refused", "PolicyRefused")


def test_a_job_that_is_deleted_and_created_again_counts_again() -> None:
    owner = Owner()
    owner.ask(example_order())
    change_policy(owner.remote, suspend=True)
    owner.remote.reconcile()
    assert owner.remote.jobs == [], "it may have trained"
    change_policy(owner.remote, suspend=False)
    owner.remote.reconcile()
    assert len(owner.remote.jobs) == 1
    assert owner.counts_of("Example") == {STEP: 20}


def no_job(request: Request) -> ApiError | None:
    created = request.kind == "pytorchjobs" and request.verb != "get"
    return ApiError(422, "Invalid", "no", causes=1) if created else None


def test_a_start_counts_once_however_often_its_job_cannot_be_created() -> None:
    owner = Owner(maxEpsilon=epsilon({STEP: 15}, 1e-5))

    owner.ask(example_order(), fault=no_job)
    owner.remote.reconcile()
    assert owner.remote.jobs == []
    assert owner.counts_of("Example") == {STEP: 10}
    owner.remote.here.fault = lambda _: None
    owner.remote.reconcile()
    assert len(owner.remote.jobs) == 1
    assert owner.counts_of("Example") == {STEP: 10}


def test_an_operator_that_restarts_between_ledger_and_job_counts_the_start_again() -> None:
    owner = Owner()

    owner.ask(example_order(), fault=no_job)
    owner.remote.here.fault = lambda _: None
    owner.remote.tasks._owners_policy.starts = Starts()
    owner.remote.reconcile()
    assert len(owner.remote.jobs) == 1
    assert owner.counts_of("Example") == {STEP: 20}, "its job may have run and be gone"


def test_a_job_that_only_uploads_is_no_start() -> None:
    owner = Owner(maxEpsilon=epsilon({STEP: 15}, 1e-5))
    owner.ask(example_order())
    (body,) = owner.remote.jobs
    owner.remote.here.objects.pop(("pytorchjobs", HERE, body["metadata"]["name"]))
    owner.remote.tasks.jobs.cache.drop(body)
    waiting = owner.remote.hub.objects["trainingtasks", HUB, owner.remote.ref.name]
    status = uploading(waiting, "the store is down", 1000.0)
    owner.remote.tasks.tasks.put(owner.remote.hub.add("trainingtasks", {**waiting, "status": status}))
    owner.remote.reconcile()
    (job,) = owner.remote.jobs
    assert job["metadata"]["annotations"][labels.UPLOAD] == "true"
    assert owner.counts_of("Example") == {STEP: 10}


def test_a_task_with_less_noise_or_more_steps_cannot_hide_behind_an_attempt_that_is_entered() -> None:
    noise = ExampleNoise(probability=0.02, batch=20, steps=10, bound=1.0, multiplier=1.1)
    owner = Owner()
    owner.ask(example_order())
    owner.ask(example_order(example_noise=noise.model_copy(update={"steps": 1000})))
    owner.ask(example_order(example_noise=noise.model_copy(update={"multiplier": 0.1})))
    assert owner.counts_of("Example") == {STEP: 1010, Release(0.1, Poisson(0.02)): 10}
    owner = Owner()
    owner.ask(order())
    owner.ask(order(multiplier=0.1))
    assert owner.counts == {Release(1.0): 1, Release(0.1): 1}


def test_the_maximum_holds_for_each_unit_by_itself() -> None:
    """Ten steps spend epsilon 0.56 of a row, a round 4.38 of a participant, the second one 6.57."""
    owner = Owner(maxEpsilon=4.4)
    owner.ask(example_order())
    owner.ask(order(run_id="run-2"))
    assert len(owner.remote.jobs) == 2, "together they would spend more than either"
    found = owner.ask(order(run_id="run-2", round=2))
    assert "with unit: Participant together spend epsilon 6.573" in found["message"]
    owner.ask(example_order(attempt=2))
    assert len(owner.remote.jobs) == 3


def test_the_steps_that_would_exceed_the_maximum_are_refused() -> None:
    owner = Owner(maxEpsilon=epsilon({STEP: 25}, 1e-5))
    owner.ask(example_order())
    owner.ask(example_order(attempt=2))
    found = owner.ask(example_order(attempt=3))
    assert (found["phase"], found["reason"]) == ("Refused", "PolicyRefused")
    spent = epsilon({STEP: 30}, 1e-5)
    assert f"with unit: Example together spend epsilon {spent:.4g}; the maximum is " in found["message"]
    assert len(owner.remote.jobs) == 2


def test_single_rows_with_known_noise_or_too_little_are_not_protected() -> None:
    assert "promises no privacy" in refused(example_order(testing_seed=1), unit="Example")
    assert "a noise multiplier of 1.1; the minimum is 2" in refused(example_order(), minNoiseMultiplier=2.0)
    assert "protects unit: Example; this participant requires unit: Participant" in refused(
        example_order(), unit="Participant"
    )
