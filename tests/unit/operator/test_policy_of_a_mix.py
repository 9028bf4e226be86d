"""A participant's policy judges a training that mixes several of its data sets."""

from typing import Any

from fedtrain.api.training_task import TrainingTaskSpec
from fedtrain.contracts.tasks import Assignment
from fedtrain.manifests.admission import Here, accepted
from fedtrain.manifests.mounted_secrets import secrets_of_participant_pod
from fedtrain.manifests.policy_check import Refusal, Wait, judge, task_of, why_held
from fedtrain.manifests.privacy_ledger import entered, released
from fedtrain.privacy.accounting import Release
from tests.unit.operator.policy_tasks import FREE, train
from tests.unit.operator.worlds import policy, spec, task

MIX = {"format": "Text", "datasets": [{"name": "notes", "share": 7}, {"name": "guidelines", "share": 3}]}
NOTES = {"name": "notes", "uri": "s3://clinic/notes", "s3": {"credentialsSecretRef": {"name": "clinic"}}}
GUIDELINES = {
    "name": "guidelines",
    "uri": "s3://library/guidelines",
    "s3": {"credentialsSecretRef": {"name": "library"}},
}


def order() -> TrainingTaskSpec:
    return TrainingTaskSpec.model_validate(task(data=MIX)["spec"])


def test_each_data_set_is_bound_to_its_location_in_the_order_of_the_training() -> None:
    here = policy(datasets=[GUIDELINES, NOTES])
    judged = judge(order(), here, "trainer:1")
    assert isinstance(judged, Assignment)
    assert judged.binding.data_uris == ("s3://clinic/notes", "s3://library/guidelines")
    assert secrets_of_participant_pod(judged, here) == {
        "data": "clinic",
        "data-2": "library",
        "fingerprint": "fedtrain-fingerprint",
    }


def test_all_data_sets_of_a_mix_must_be_in_the_policy() -> None:
    judged = judge(order(), policy(datasets=[NOTES]), "trainer:1")
    assert judged == Refusal(
        "UnknownDataset",
        "the policy of bank-a has no data set 'guidelines'; it has: notes. Name one of these in "
        "`data.datasets`, or ask the owner of bank-a to add 'guidelines' to `datasets` in its ParticipantPolicy",
    )


def test_the_hub_does_not_accept_a_mix_that_a_participant_has_in_part() -> None:
    held = {"notes": ["notes"], "all": ["notes", "guidelines"]}
    records: dict[str, Any] = {
        f"bank-{letter}": {
            "spec": {"allowedNamespaces": ["hub"], "namespace": "x"},
            "status": {"datasets": [{"name": name} for name in held[which]]},
        }
        for letter, which in (("a", "notes"), ("b", "all"))
    }
    said = accepted(spec(data=MIX, model={"base": "s3://models/base"}), Here("hub"), records)
    assert said.reason == "UnknownDataset"
    assert "bank-a has no data set 'guidelines' (its policy has: notes)" in said.message
    assert "bank-b" not in said.message


def waits(data: dict[str, Any]) -> Wait:
    asked = TrainingTaskSpec.model_validate(task(data=data)["spec"])
    held = why_held(asked, policy(datasets=[NOTES, GUIDELINES], approval="Manual"), "trainer:1", FREE)
    assert held is not None
    return held


def test_the_owner_approves_a_mix_with_its_shares() -> None:
    asked = waits(MIX).approval
    assert asked is not None
    assert asked.dataset == "notes 70 %, guidelines 30 %"
    other = waits({**MIX, "datasets": [{"name": "notes", "share": 5}, {"name": "guidelines", "share": 5}]}).approval
    assert other is not None
    assert other.digest != asked.digest, "other shares need another approval"


def test_a_noisy_round_counts_for_each_data_set_of_the_mix() -> None:
    asked = task_of(train(data=MIX, promised=1.0))
    entries = entered({}, asked)
    assert sorted(entries) == [f"bank-b.{name}.{asked.run_id}" for name in ("guidelines", "notes")]
    for name in ("guidelines", "notes"):
        assert released(entries, {name}, "Participant") == {Release(1.0): 1}


def test_the_data_set_with_the_largest_privacy_loss_decides() -> None:
    here = policy(datasets=[NOTES, GUIDELINES], privacy={"maxEpsilon": 6.0})
    earlier = task_of(train(data={"dataset": "guidelines", "format": "Text"}, promised=1.0))
    spent = entered({}, earlier.model_copy(update={"run_id": "earlier"}))
    assert isinstance(judge(train(data=MIX, promised=1.0), here, "trainer:1"), Assignment)
    judged = judge(train(data=MIX, promised=1.0), here, "trainer:1", spent)
    assert isinstance(judged, Refusal)
    assert "all trainings on data set guidelines with unit: Participant together spend epsilon 6.57" in judged.message
