"""A hub that sends tasks with less protection than they promise: the participant refuses them before it reads data."""

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fedtrain_trainer.outcome import Refused
from fedtrain_trainer.works.train import train_round

from fedtrain.api.training_task import TrainingTaskSpec
from fedtrain.contracts.tasks import NoiseShare, PrivacyPromise, Train, UpdateClipping
from fedtrain.manifests.policy_check import Refusal, judge, refusals_on_one_machine, task_of
from fedtrain.manifests.privacy_ledger import entries_of, towards_hub
from fedtrain.privacy.accounting import Release, bounded_epsilon, epsilon
from tests.unit.operator.policy_tasks import IMAGE, train
from tests.unit.operator.privacy_owner import Owner, of_examples, order
from tests.unit.operator.test_policy_at_work import change_policy
from tests.unit.operator.worlds import policy

KEY: dict[str, Any] = {"noiseKeySecretRef": {"name": "fedtrain-noise"}}
OWN: dict[str, Any] = KEY | {"noiseLocation": "Client"}
CLIPPED = UpdateClipping(bound=0.5)


def sharing(
    share: NoiseShare | None = None, clipping: UpdateClipping | None = CLIPPED, seed: int = 0, **fields: Any
) -> TrainingTaskSpec:
    """A task that promises z = 1 and asks for a share of the noise among 4 updates."""
    work = task_of(train()).work
    assert isinstance(work, Train)
    noise = NoiseShare(multiplier=1.0, updates=4) if share is None else share
    changed = work.model_copy(update={"noise": noise, "clipping": clipping, "seed": seed})
    return order(**{"work": changed, "min_participants": 4} | fields)


def refusal(asked: TrainingTaskSpec, **privacy: Any) -> str:
    """Why the operator refuses the task. `fedtrain run` has the same reason if it is the policy's."""
    rules = policy(privacy=KEY | privacy)
    judged = judge(asked, rules, IMAGE)
    if not isinstance(judged, Refusal):
        return ""
    if judged.rule is not None:
        assert next(refusals_on_one_machine(asked, rules)) == judged
    return judged.message


ADAPTIVE = UpdateClipping(bound=0.5, reports_within=True)
LESS: list[tuple[dict[str, Any], str]] = [
    ({"share": NoiseShare(multiplier=1e-5, updates=4)}, "multiplier 5.774e-06, but the promised 1 with 4 updates"),
    ({"share": NoiseShare(multiplier=0.999, updates=4)}, "or more needs 0.5774"),
    ({"share": NoiseShare(multiplier=-1.0, updates=4)}, "is not valid: The noise multiplier is -1"),
    ({"share": NoiseShare(multiplier=1.0, updates=10**9)}, "among 1,000,000,000 updates, but a round may have only 4"),
    ({"share": NoiseShare(multiplier=1.0, updates=1)}, "must be at least 2"),
    ({"min_participants": None}, "but a round does not say how many"),
    ({"share": NoiseShare(multiplier=1.0, updates=4, testing_seed=1)}, "draws its share of noise from a testing seed"),
    ({"clipping": None}, "a share of noise on an update that is not clipped"),
    ({"clipping": ADAPTIVE}, "asks whether clipping changed the update, without noise"),
    ({"share": NoiseShare(multiplier=1.0, updates=4, indicator_noise=2.0), "clipping": ADAPTIVE}, "needs 0.6667"),
    ({"share": NoiseShare(multiplier=1.0, updates=4, indicator_noise=0.5), "clipping": ADAPTIVE}, "is not valid"),
    ({"clipping": UpdateClipping(bound=0.0)}, "is not valid: The clipping norm is 0"),
    ({"privacy": None}, "promises no noise multiplier with unit: Participant"),
    ({"privacy": PrivacyPromise(unit="Example", multiplier=1.0, delta=1e-5)}, "promises no noise multiplier with"),
]


@pytest.mark.parametrize(("changed", "words"), LESS)
def test_a_share_that_does_not_keep_the_promise_is_refused_whatever_the_policy_says(
    changed: dict[str, Any], words: str
) -> None:
    asked = sharing(**changed)
    assert words in refusal(asked)
    assert "bank-b refuses the task: " in refusal(asked, unit="Participant", minNoiseMultiplier=1.0, maxEpsilon=9.0)
    context = SimpleNamespace(task=task_of(asked), group=None)
    with pytest.raises(Refused, match="Update fedtrain at the hub"):
        train_round(cast("Any", context), cast("Train", context.task.work))


def test_the_share_that_was_promised_is_accepted_with_both_kinds_of_clipping() -> None:
    assert refusal(sharing(), unit="Participant", minNoiseMultiplier=1.0, maxEpsilon=4.4) == ""
    both = NoiseShare(multiplier=1 / (1 - 1 / 4) ** 0.5, updates=4, indicator_noise=2.0)
    assert refusal(sharing(both, ADAPTIVE), minNoiseMultiplier=1.0) == ""
    assert refusal(sharing(NoiseShare(multiplier=1.0, updates=2)), maxEpsilon=4.4) == "", "a larger share"


def test_a_testing_seed_without_a_promise_is_only_for_policies_that_require_none() -> None:
    asked = sharing(NoiseShare(multiplier=1.0, updates=4, testing_seed=1), privacy=None)
    assert refusal(asked) == ""
    rules = {"unit": "Participant", "minNoiseMultiplier": 1.0, "maxEpsilon": 9.0, "noiseLocation": "Client"}
    for field, value in rules.items():
        assert "promises no privacy" in refusal(asked, **{field: value})


def test_the_policy_may_require_that_the_noise_is_added_here() -> None:
    words = "(privacy.noiseLocation) refuses the task: the hub adds the noise, but this participant must"
    assert words in refusal(order(), noiseLocation="Client")
    assert "(privacy.noiseLocation) refuses the task: the training promises no privacy" in refusal(
        train(), noiseLocation="Client"
    )
    assert refusal(sharing(), noiseLocation="Client") == ""
    assert refusal(of_examples(1.0), noiseLocation="Client") == ""
    assert "promises no privacy" in refusal(of_examples(1.0, testing_seed=1), noiseLocation="Client")


def test_the_maximum_limits_the_loss_towards_a_hub_that_is_not_trusted() -> None:
    """One share of z = 1 among 4 updates has the multiplier 0.577: epsilon 8.39, where the sum of all costs 4.38."""
    share = Release(1 / 3**0.5)
    assert refusal(sharing(), noiseLocation="Client", maxEpsilon=8.4) == ""
    words = "spend epsilon 8.385; the maximum is 8.3 (delta 1e-05, unit Participant, update zeroed, towards the hub"
    assert words in refusal(sharing(), noiseLocation="Client", maxEpsilon=8.3)
    many = {"share": NoiseShare(multiplier=1.0, updates=10**6), "min_participants": 10**6}
    assert "too small to bound the privacy loss" in refusal(sharing(**many), noiseLocation="Client", maxEpsilon=1000.0)
    owner = Owner(**OWN)
    for seed in (0, 1, 1):
        owner.ask(sharing(seed=seed))
    assert owner.counts == {Release(1.0): 2}, "the hub publishes one sum for each update"
    seen = towards_hub(entries_of(owner.ledger, "bank-b"), {"tickets"}, "Participant")
    assert seen == {share: 3}, "each start may compute another update, and the hub sees them all"
    total = bounded_epsilon(seen, 1e-5)
    assert total == pytest.approx(epsilon({share: 3}, 1e-5))
    change_policy(owner.remote, privacy=OWN | {"maxEpsilon": total})
    found = owner.ask(sharing(seed=2))
    assert (found["phase"], found["reason"]) == ("Refused", "PolicyRefused")
    change_policy(owner.remote, privacy=KEY | {"maxEpsilon": total})
    assert owner.ask(sharing(seed=2)).get("phase") != "Refused", "the sum of all spends less"


def test_a_share_counts_as_the_smallest_that_keeps_the_promise_whatever_its_numbers() -> None:
    """One share has multiplier 0.1 in both: if 0.1 is divided among 2 updates, and if 1 is divided among 101."""
    alike = [NoiseShare(multiplier=0.1, updates=2), NoiseShare(multiplier=1.0, updates=101)]
    for share in alike:
        asked = sharing(share, min_participants=101)
        assert refusal(asked) == "", "the share that the promise needs"
        words = "too small to bound the privacy loss"
        assert words in refusal(asked, noiseLocation="Client", minNoiseMultiplier=1.0, maxEpsilon=4.4)
        owner = Owner(**OWN)
        owner.ask(asked)
        seen = towards_hub(entries_of(owner.ledger, "bank-b"), {"tickets"}, "Participant")
        assert seen == {Release(0.1): 1}


def test_rounds_with_noise_of_the_hub_count_beside_shares_of_the_same_run() -> None:
    """The hub chooses the run's id, so a share must not hide what was promised under that id before."""
    owner = Owner(**KEY)
    for number in range(1, 6):
        owner.ask(order(round=number))
    change_policy(owner.remote, privacy=OWN | {"maxEpsilon": 9.0})
    found = owner.ask(sharing(round=6))
    assert (found["phase"], found["reason"]) == ("Refused", "PolicyRefused"), "a share alone costs 8.39"
    change_policy(owner.remote, privacy=OWN)
    released = {1.0: 5}  # as the hub reports it in each of the following tasks
    for seed in (1, 2):
        owner.ask(sharing(seed=seed, round=6, released=released))
    entries = entries_of(owner.ledger, "bank-b")
    assert towards_hub(entries, {"tickets"}, "Participant") == {Release(1.0): 5, Release(1 / 3**0.5): 2}
    assert owner.counts == {Release(1.0): 7}
    change_policy(owner.remote, privacy=KEY)
    owner.ask(order(round=7, released={1.0: 8}))
    entries = entries_of(owner.ledger, "bank-b")
    assert towards_hub(entries, {"tickets"}, "Participant") == {Release(1.0): 9, Release(1 / 3**0.5): 2}


def test_sums_of_shares_that_the_hub_reports_are_seen_as_the_shares_that_left() -> None:
    owner = Owner(**OWN)
    owner.ask(sharing(round=1))
    owner.ask(sharing(round=2, released={1.0: 3}))
    assert owner.counts == {Release(1.0): 4}
    entries = entries_of(owner.ledger, "bank-b")
    assert towards_hub(entries, {"tickets"}, "Participant") == {Release(1 / 3**0.5): 2}


def test_an_entry_that_does_not_say_which_releases_are_sums_of_shares_counts_them_all() -> None:
    owner = Owner(**OWN)
    owner.ask(sharing())
    ((key, text),) = owner.ledger.items()
    older = {name: value for name, value in json.loads(text).items() if name != "unshared"}
    entries = entries_of({key: json.dumps(older)}, "bank-b")
    assert towards_hub(entries, {"tickets"}, "Participant") == {Release(1.0): 1, Release(1 / 3**0.5): 1}


def test_any_number_of_steps_and_releases_has_an_answer() -> None:
    for steps in (2**53, 10**30):
        asked = of_examples(1.0).model_dump(mode="json", by_alias=True, exclude_none=True)
        asked["task"]["work"]["exampleNoise"]["steps"] = steps
        judged = judge(TrainingTaskSpec.model_validate(asked), policy(privacy={"maxEpsilon": 8.0}), IMAGE)
        assert isinstance(judged, Refusal)
        assert "is too small to bound the privacy loss" in judged.message or f", but is {steps}." in judged.message
    assert "is too small to bound the privacy loss" in refusal(order(released={1.0: 2**53}), maxEpsilon=8.0)
    assert "spend epsilon" in refusal(order(released={1.0: 2**20}), maxEpsilon=8.0)


@pytest.mark.parametrize("multiplier", [1e-300, 1e-9, 0.0099, 1001.0, 1e9, 1e300])
def test_noise_of_rows_beyond_its_range_is_refused_with_the_field(multiplier: float) -> None:
    asked = of_examples(1.0).model_dump(mode="json", by_alias=True, exclude_none=True)
    asked["task"]["work"]["exampleNoise"]["multiplier"] = multiplier
    judged = judge(TrainingTaskSpec.model_validate(asked), policy(privacy={"maxEpsilon": 8.0}), IMAGE)
    assert isinstance(judged, Refusal)
    assert judged.reason == "MalformedTask"
    assert "spec.task.work.Train.exampleNoise.multiplier: Input should be" in judged.message
    assert f", but is {multiplier}." in judged.message
