"""A participant's policy outranks the hub: each rule refuses, or lets a task wait, with its field and the values."""

import re
from typing import Any

import pytest

from fedtrain.api.rules import policy as rules
from fedtrain.api.rules.policy.rule import Holding, Refusing
from fedtrain.api.training_task import TrainingTaskSpec
from fedtrain.contracts.tasks import Assignment, Evaluate, Initialise, Measure
from fedtrain.contracts.wire.task import to_wire
from fedtrain.manifests.kinds import Json
from fedtrain.manifests.policy_check import Refusal, capped, judge, refusals
from fedtrain.rounds import orders
from fedtrain.rounds.snapshot import TaskKey
from tests.support.tasks import DIGEST
from tests.unit.operator.policy_tasks import IMAGE, base, train, with_compute, with_epochs, with_rank
from tests.unit.operator.privacy_owner import of_examples
from tests.unit.operator.test_noise_share_of_tasks import sharing
from tests.unit.operator.worlds import policy, run, spec

LEDGER: Json = {"endpoint": "http://store:9000", "bucket": "runs"}
REFUSED: list[tuple[str | None, dict[str, Any], dict[str, Any], dict[str, Any], str, str]] = [
    # field, the policy, a task that it refuses, a task that it takes, the problem, the fix
    (
        "limits.nodes",
        {"limits": {"nodes": 2}},
        with_compute(nodes=3),
        with_compute(nodes=2),
        "the training asks for 3 nodes; the limit is 2",
        (
            "In the FederatedTraining, "
            "lower `compute.nodes` of participant bank-b to 2, or ask the owner of bank-b to raise "
            "`limits.nodes` in its ParticipantPolicy"
        ),
    ),
    (
        "limits.gpus",
        {"limits": {"gpus": 8}},
        with_compute(nodes=3, gpusPerNode=4),
        with_compute(nodes=2, gpusPerNode=4),
        "the training asks for 12 GPUs (3 x 4); the limit is 8",
        (
            "In the FederatedTraining, "
            "lower `compute.nodes` or `compute.gpusPerNode` of participant bank-b, or ask the owner of "
            "bank-b to raise `limits.gpus` in its ParticipantPolicy"
        ),
    ),
    (
        "limits.gpus",
        {"limits": {"gpus": 0}},
        with_compute(gpusPerNode=1),
        with_compute(),
        "the training asks for 1 GPU; the limit is 0",
        (
            "In the FederatedTraining, "
            "lower `compute.gpusPerNode` of participant bank-b to 0, or ask the owner of bank-b to raise "
            "`limits.gpus` in its ParticipantPolicy"
        ),
    ),
    (
        "limits.memory",
        {"limits": {"memory": "64Gi"}},
        with_compute(memory="65Gi"),
        with_compute(memory="64Gi"),
        "the training asks for 65Gi of memory per node; the limit is 64Gi",
        (
            "In the FederatedTraining, "
            "lower `compute.memory` of participant bank-b to 64Gi, or ask the owner of bank-b to raise "
            "`limits.memory` in its ParticipantPolicy"
        ),
    ),
    (
        "pods.resources.limits",
        {"pods": {"resources": {"limits": {"nvidia.com/gpu": "2"}}}},
        with_compute(gpusPerNode=4),
        with_compute(gpusPerNode=2, cpu="64", memory="64Gi"),
        "the training asks for 4 nvidia.com/gpu per node; the limit is 2",
        (
            "In the FederatedTraining, "
            "lower `compute.gpusPerNode` of participant bank-b to 2, or ask the owner of bank-b to raise "
            "`pods.resources.limits` in its ParticipantPolicy"
        ),
    ),
    (
        "limits.adapterRank",
        {"limits": {"adapterRank": 16}},
        with_rank(32),
        with_rank(16),
        "the adapter has rank 32; the limit is 16",
        (
            "In the FederatedTraining, "
            "lower `model.adapter.rank` to 16, or ask the owner of bank-b to raise `limits.adapterRank` in "
            "its ParticipantPolicy"
        ),
    ),
    (
        "limits.stepsPerRound",
        {"limits": {"stepsPerRound": 100}},
        {"training": {"length": {"type": "Steps", "steps": 101}}},
        {"training": {"length": {"type": "Steps", "steps": 100}}},
        "the task trains 101 steps; the limit is 100",
        (
            "In the FederatedTraining, "
            "lower `training.length`, or ask the owner of bank-b to raise `limits.stepsPerRound` in its "
            "ParticipantPolicy"
        ),
    ),
    (
        "limits.stepsPerRound",
        {"limits": {"stepsPerRound": 100}},
        with_epochs(1.5),
        with_epochs(1.0),
        "the task trains 150 steps; the limit is 100",
        (
            "In the FederatedTraining, "
            "lower `training.length`, or ask the owner of bank-b to raise `limits.stepsPerRound` in its "
            "ParticipantPolicy"
        ),
    ),
    (
        "minimums.rowsPerRound",
        {"minimums": {"rowsPerRound": 100}},
        {"distinct": 99},
        {"distinct": 100},
        "the task trains on 99 distinct rows; the minimum is 100",
        (
            "In the FederatedTraining, "
            "change `partitioning` so that the participant trains on 100 rows or more, or ask the owner of "
            "bank-b to lower `minimums.rowsPerRound` in its ParticipantPolicy"
        ),
    ),
    (
        "minimums.participantsPerRound",
        {"minimums": {"participantsPerRound": 2}},
        {"rounds": {"count": 2, "minParticipants": 1}},
        {"rounds": {"count": 2}},
        "rounds with 1 participant are accepted, but the policy requires 2",
        (
            "In the FederatedTraining, set `rounds.minParticipants` to 2 or more, or ask the owner of bank-b to lower "
            "`minimums.participantsPerRound` in its ParticipantPolicy"
        ),
    ),
    (
        "allow.requesters",
        {"allow": {"requesters": [{"namespace": "federations", "name": "support-*"}]}},
        {},
        {},
        "the policy does not allow the training tickets of namespace federations",
        (
            "In the FederatedTraining, "
            "use an allowed `metadata.namespace` and `metadata.name`, or ask the owner of bank-b to add the "
            "training to `allow.requesters` in its ParticipantPolicy"
        ),
    ),
    (
        "allow.baseModels",
        {"allow": {"baseModels": ["HuggingFaceTB/*", "s3://models/base"]}},
        base("HuggingFaceTB/a/../../etc"),
        {},
        "the base model 'HuggingFaceTB/a/../../etc' contains '..'",
        "In the FederatedTraining, use a path without it in `model.base`",
    ),
    (
        "allow.baseModels",
        {"allow": {"baseModels": ["HuggingFaceTB/*"]}},
        base("unknown/model"),
        base("HuggingFaceTB/SmolLM2-135M"),
        "the base model 'unknown/model' is not allowed",
        (
            "In the FederatedTraining, "
            "set `model.base` to one that matches `HuggingFaceTB/*`, or ask the owner of bank-b to add the model to "
            "`allow.baseModels` in its ParticipantPolicy"
        ),
    ),
    (
        "allow.images",
        {"allow": {"images": [IMAGE.replace("0" * 64, "1" * 64)]}},
        {},
        {},
        (f"the trainer image {IMAGE} is not allowed"),
        (
            "Set `images.trainer.digest` of the fedtrain chart in the participant's cluster to an allowed "
            "one, or ask the owner of bank-b to add the image to `allow.images` in its ParticipantPolicy"
        ),
    ),
    (
        "allow.stores",
        {"allow": {"stores": [{"endpoint": "http://store:9000/", "bucket": "runs"}]}},
        {"storage": {"type": "S3", "s3": {**LEDGER, "endpoint": "http://10.0.0.1:22"}}},
        {"storage": {"type": "S3", "s3": LEDGER}},
        "the ledger is in bucket runs of http://10.0.0.1:22, which is not allowed",
        (
            "In the FederatedTraining, "
            "use an allowed bucket in `storage.s3`, or ask the owner of bank-b to add the bucket to "
            "`allow.stores` in its ParticipantPolicy"
        ),
    ),
    (
        "allow.stores",
        {"allow": {"stores": [{"endpoint": "http://store:9000", "bucket": "federation-*"}]}},
        {"storage": {"type": "S3", "s3": LEDGER}},
        {"storage": {"type": "S3", "s3": {**LEDGER, "bucket": "federation-1"}}},
        "the ledger is in bucket runs of http://store:9000, which is not allowed",
        (
            "In the FederatedTraining, "
            "use an allowed bucket in `storage.s3`, or ask the owner of bank-b to add the bucket to "
            "`allow.stores` in its ParticipantPolicy"
        ),
    ),
    (
        "allow.stores",
        {"allow": {"stores": [{"bucket": "runs"}]}},
        {"storage": {"type": "S3", "s3": LEDGER}},
        {"storage": {"type": "S3", "s3": {"bucket": "runs"}}},
        "the ledger is in bucket runs of http://store:9000, which is not allowed",
        (
            "In the FederatedTraining, "
            "use an allowed bucket in `storage.s3`, or ask the owner of bank-b to add the bucket to "
            "`allow.stores` in its ParticipantPolicy"
        ),
    ),
    (
        "allow.stores",
        {"allow": {"stores": [{"endpoint": "http://store:9000", "bucket": "runs"}]}},
        base("s3://models/base", "http://10.0.0.1:22"),
        base("s3://models/base", "http://store:9000/"),
        "the base model is read from http://10.0.0.1:22, which is not allowed",
        (
            "In the FederatedTraining, "
            "use an allowed server in `model.s3`, or ask the owner of bank-b to add the server to "
            "`allow.stores` in its ParticipantPolicy"
        ),
    ),
    (
        "privacy.unit",
        {"privacy": {"unit": "Participant"}},
        {},
        {"promised": 0.1},
        "the training promises no privacy, but this participant requires unit: Participant",
        (
            "In the FederatedTraining, set `privacy`, without `testingSeed`, such as `privacy: {unit: Participant, "
            "budget: {epsilon: 8, delta: 1e-5}, clipping: {type: Fixed, norm: 1}}`, or ask the owner of "
            "bank-b to change `privacy.unit` in its ParticipantPolicy"
        ),
    ),
    (
        "privacy.noiseLocation",
        {"privacy": {"noiseLocation": "Client"}},
        {"promised": 1.0},
        {},
        "the hub adds the noise, but this participant must clip and add noise itself",
        (
            "In the FederatedTraining, "
            "set both `clipping.location: Client` and `noise.location: Client` in `privacy`, or set `unit: Example`, "
            "with which each participant adds the noise, "
            "or ask the owner of bank-b to change `privacy.noiseLocation` in its ParticipantPolicy"
        ),
    ),
    (
        "privacy.minNoiseMultiplier",
        {"privacy": {"minNoiseMultiplier": 0.8}},
        {"promised": 0.7},
        {"promised": 0.8},
        "the training promises a noise multiplier of 0.7; the minimum is 0.8",
        (
            "In the FederatedTraining, "
            "set `noise: {type: Multiplier, multiplier: 0.8}` in `privacy`, or ask the owner of bank-b to "
            "lower `privacy.minNoiseMultiplier` in its ParticipantPolicy"
        ),
    ),
    (
        "privacy.maxEpsilon",
        {"privacy": {"maxEpsilon": 4.0}},
        {"promised": 1.0},
        {"promised": 1.1},
        (
            "with this round, all trainings on data set tickets with unit: Participant together spend "
            "epsilon 4.377; the maximum is 4 (delta 1e-05, unit Participant, update zeroed, promised noise "
            "trusted, exact Gaussian)"
        ),
        (
            "In the FederatedTraining, "
            "lower `privacy.budget.epsilon` or `rounds.count`, or ask the owner of bank-b to raise "
            "`privacy.maxEpsilon` in its ParticipantPolicy"
        ),
    ),
    (
        None,
        {},
        {"storage": {"type": "File", "file": {"path": "/data"}}},
        {},
        "the ledger is of type File, but a task writes to buckets only",
        "In the FederatedTraining, use `storage.type: S3`",
    ),
]


@pytest.mark.parametrize(
    ("field", "given", "asked", "fits", "problem", "fix"), REFUSED, ids=[f"{one[0]} {one[4][:40]}" for one in REFUSED]
)
def test_a_task_beyond_the_policy_is_refused_with_field_values_and_fix(
    field: str | None, given: dict[str, Any], asked: dict[str, Any], fits: dict[str, Any], problem: str, fix: str
) -> None:
    judged = judge(train(**asked), policy(**given), IMAGE)
    by = f"bank-b's policy ({field})" if field else "bank-b"
    assert judged == Refusal("PolicyRefused", f"{by} refuses the task: {problem}. {fix}", field)
    if fits:
        assert isinstance(judge(train(**fits), policy(**given), IMAGE), Assignment)


def test_every_refusing_rule_has_a_case() -> None:
    assert {one.field for one in rules.REFUSING} == {case[0] for case in REFUSED}


def measured() -> TrainingTaskSpec:
    """A task that measures each row of the validation data."""
    return of_work(Measure(adapter=DIGEST, config=DIGEST, fingerprint=DIGEST, metrics=()))


def of_work(work: Initialise | Evaluate | Measure) -> TrainingTaskSpec:
    whole, claimed = spec(), run()
    task = orders.inspect_task(whole, claimed, TaskKey(0, "Inspect", "bank-b", 1)).model_copy(update={"work": work})
    return train().model_copy(update={"task": train().task.model_validate(to_wire(task))})


def of_older_hub() -> TrainingTaskSpec:
    """A task that does not say how many updates a round has at least."""
    older = train().task.model_dump(mode="json", by_alias=True, exclude_none=True)
    older.pop("minParticipants")
    return train().model_copy(update={"task": train().task.model_validate(older)})


@pytest.mark.parametrize("rule", rules.REFUSING, ids=lambda rule: rule.check.__name__)
def test_every_refusal_names_a_field_to_change(rule: Refusing, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new rule needs a case here, and a fix."""
    cases = [(train(**asked), policy(**given)) for _, given, asked, *_ in REFUSED]
    cases += [
        (of_work(Initialise(seed=1)), policy()),
        (of_older_hub(), policy(minimums={"participantsPerRound": 2})),
        (measured(), policy(privacy={"unit": "Example"})),
        (sharing(clipping=None), policy(privacy={"noiseKeySecretRef": {"name": "fedtrain-noise"}})),
    ]
    monkeypatch.setattr(rules, "REFUSING", (rule,))
    every = [refusal for order, given in cases for refusal in refusals(order, given, IMAGE)]
    found = [refusal for refusal in every if refusal.reason == "PolicyRefused"]
    assert found
    for refusal in found:
        problem, _, fix = refusal.message.partition(f"{refusal.problem}. ")
        assert problem.startswith("bank-b")
        assert re.search(r"`[a-zA-Z.]+(: \w+|: \{.*\})?`", fix), fix
        assert not fix.endswith(".")
        assert len(refusal.message.encode()) <= 900, "it fits into an event with its subject"
        if rule.owner:
            assert f"`{rule.field}` in its ParticipantPolicy" in fix


@pytest.mark.parametrize("rule", rules.HOLDING, ids=lambda rule: rule.check.__name__)
def test_each_rule_that_lets_a_task_wait_says_when_it_starts(rule: Holding) -> None:
    assert "starts by itself" in rule.then


def test_the_policys_own_server_of_base_models_needs_no_permission() -> None:
    mirror = {"baseModel": {"s3": {"endpoint": "http://mirror:9000"}}}
    given = policy(**mirror, allow={"stores": [{"endpoint": "http://store:9000", "bucket": "runs"}]})
    judged = judge(train(**base("s3://models/base", "http://10.0.0.1:22")), given, IMAGE)
    assert isinstance(judged, Assignment)
    assert judged.binding.places.base.s3.endpoint == "http://mirror:9000"


def test_an_empty_policy_takes_every_task() -> None:
    assert isinstance(judge(train(**with_compute(nodes=9, gpusPerNode=8)), policy(), IMAGE), Assignment)


@pytest.mark.parametrize("work", [Initialise(seed=1), Evaluate(k=1, adapter=DIGEST, config=DIGEST, metrics=())])
def test_work_of_the_hub_is_refused_because_it_reads_places_that_the_hub_names(work: Initialise | Evaluate) -> None:
    judged = judge(of_work(work), policy(), IMAGE)
    assert isinstance(judged, Refusal)
    assert judged.message == (
        f"bank-b refuses the task: {work.type} is work of the hub; participants run Inspect, Train and Measure only. "
        f"Nothing ran. Tell the hub's administrator that the hub sent a task with `work.type: {work.type}`"
    )


def test_a_hub_that_does_not_state_its_minimum_is_refused_if_the_policy_has_one() -> None:
    order = of_older_hub()
    assert isinstance(judge(order, policy(), IMAGE), Assignment)
    judged = judge(order, policy(minimums={"participantsPerRound": 2}), IMAGE)
    assert isinstance(judged, Refusal)
    assert "the hub does not say how many updates it aggregates" in judged.message


def test_pods_stop_after_the_shorter_of_both_run_times() -> None:
    assert capped(train(), policy(limits={"taskDuration": "3h"})).timeout == "3h"
    assert capped(train(), policy(limits={"taskDuration": "5h"})).timeout == "4h"
    assert capped(train(), policy()).timeout == "4h"


def test_the_limit_of_steps_counts_the_steps_that_a_task_with_noise_on_gradients_trains() -> None:
    """A hub may order another number there than in the length of the training."""
    asked = of_examples(1.0)
    judged = judge(asked, policy(limits={"stepsPerRound": 4}), IMAGE)
    assert isinstance(judged, Refusal)
    assert "the task trains 5 steps; the limit is 4" in judged.message
    assert isinstance(judge(asked, policy(limits={"stepsPerRound": 5}), IMAGE), Assignment)
