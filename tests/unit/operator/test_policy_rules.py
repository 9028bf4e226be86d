"""A participant's policy outranks the hub: each rule refuses, or lets a task wait, with its field and the values."""

from typing import Any

import pytest

from fedtrain.api.rules import policy as rules
from fedtrain.contracts.tasks import Assignment, Evaluate, Initialise
from fedtrain.contracts.wire.task import to_wire
from fedtrain.manifests.kinds import Json
from fedtrain.manifests.policy_check import Refusal, capped, judge
from fedtrain.rounds import orders
from fedtrain.rounds.snapshot import TaskKey
from tests.support.tasks import DIGEST
from tests.unit.operator.policy_tasks import IMAGE, base, train, with_compute, with_epochs, with_rank
from tests.unit.operator.worlds import policy, run, spec

LEDGER: Json = {"endpoint": "http://store:9000", "bucket": "runs"}
REFUSED: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any], str]] = [
    # field, the policy, a task that it refuses, a task that it takes, the message
    (
        "limits.nodes",
        {"limits": {"nodes": 2}},
        with_compute(nodes=3),
        with_compute(nodes=2),
        "it asks for 3 nodes; the limit is 2",
    ),
    (
        "limits.gpus",
        {"limits": {"gpus": 8}},
        with_compute(nodes=3, gpusPerNode=4),
        with_compute(nodes=2, gpusPerNode=4),
        "it asks for 12 GPUs; the limit is 8",
    ),
    (
        "limits.gpus",
        {"limits": {"gpus": 0}},
        with_compute(gpusPerNode=1),
        with_compute(),
        "it asks for 1 GPU; the limit is 0",
    ),
    (
        "limits.memory",
        {"limits": {"memory": "64Gi"}},
        with_compute(memory="65Gi"),
        with_compute(memory="64Gi"),
        "it asks for 65Gi of memory per node; the limit is 64Gi",
    ),
    (
        "pods.resources.limits",
        {"pods": {"resources": {"limits": {"nvidia.com/gpu": "2"}}}},
        with_compute(gpusPerNode=4),
        with_compute(gpusPerNode=2, cpu="64", memory="64Gi"),
        "it asks for 4 nvidia.com/gpu per node; the limit is 2",
    ),
    (
        "limits.adapterRank",
        {"limits": {"adapterRank": 16}},
        with_rank(32),
        with_rank(16),
        "the adapter has rank 32; the limit is 16",
    ),
    (
        "limits.stepsPerRound",
        {"limits": {"stepsPerRound": 100}},
        {"training": {"length": {"type": "Steps", "steps": 101}}},
        {"training": {"length": {"type": "Steps", "steps": 100}}},
        "it trains 101 steps; the limit is 100",
    ),
    (
        "limits.stepsPerRound",
        {"limits": {"stepsPerRound": 100}},
        with_epochs(1.5),
        with_epochs(1.0),
        "it trains 150 steps; the limit is 100",
    ),
    (
        "minimums.rowsPerRound",
        {"minimums": {"rowsPerRound": 100}},
        {"distinct": 99},
        {"distinct": 100},
        "it trains on 99 distinct rows; the minimum is 100",
    ),
    (
        "minimums.participantsPerRound",
        {"minimums": {"participantsPerRound": 2}},
        {"rounds": {"count": 2, "minParticipants": 1}},
        {"rounds": {"count": 2}},
        "rounds with 1 participant are accepted, but the policy requires 2. "
        "Set spec.rounds.minParticipants to 2 or more",
    ),
    (
        "allow.requesters",
        {"allow": {"requesters": [{"namespace": "federations", "name": "support-*"}]}},
        {},
        {},
        "training federations/tickets is not allowed",
    ),
    (
        "allow.baseModels",
        {"allow": {"baseModels": ["HuggingFaceTB/*", "s3://models/base"]}},
        base("HuggingFaceTB/a/../../etc"),
        {},
        "the base model 'HuggingFaceTB/a/../../etc' contains '..'. Use a path without it",
    ),
    (
        "allow.baseModels",
        {"allow": {"baseModels": ["HuggingFaceTB/*"]}},
        base("unknown/model"),
        base("HuggingFaceTB/SmolLM2-135M"),
        "the base model 'unknown/model' is not allowed. Use one of HuggingFaceTB/*",
    ),
    (
        "allow.images",
        {"allow": {"images": [IMAGE.replace("0" * 64, "1" * 64)]}},
        {},
        {},
        f"the trainer image {IMAGE} is not allowed. Set images.trainer.digest of the chart to an allowed one",
    ),
    (
        "allow.stores",
        {"allow": {"stores": [{"endpoint": "http://store:9000/", "bucket": "runs"}]}},
        {"storage": {"type": "S3", "s3": {**LEDGER, "endpoint": "http://10.0.0.1:22"}}},
        {"storage": {"type": "S3", "s3": LEDGER}},
        "the ledger is in bucket runs of http://10.0.0.1:22, which is not allowed",
    ),
    (
        "allow.stores",
        {"allow": {"stores": [{"endpoint": "http://store:9000", "bucket": "federation-*"}]}},
        {"storage": {"type": "S3", "s3": LEDGER}},
        {"storage": {"type": "S3", "s3": {**LEDGER, "bucket": "federation-1"}}},
        "the ledger is in bucket runs of http://store:9000, which is not allowed",
    ),
    (
        "allow.stores",
        {"allow": {"stores": [{"bucket": "runs"}]}},
        {"storage": {"type": "S3", "s3": LEDGER}},
        {"storage": {"type": "S3", "s3": {"bucket": "runs"}}},
        "the ledger is in bucket runs of http://store:9000, which is not allowed",
    ),
    (
        "allow.stores",
        {"allow": {"stores": [{"endpoint": "http://store:9000", "bucket": "runs"}]}},
        base("s3://models/base", "http://10.0.0.1:22"),
        base("s3://models/base", "http://store:9000/"),
        "the base model is read from http://10.0.0.1:22, which is not allowed",
    ),
    (
        "privacy.unit",
        {"privacy": {"unit": "Participant"}},
        {},
        {"promised": 0.1},
        "the training promises no privacy, but this participant requires unit: Participant. Set spec.privacy in the "
        "training, without testingSeed, such as `privacy: {unit: Participant, budget: {epsilon: 8, delta: 1e-5}, "
        "clipping: {type: Fixed, norm: 1}}`",
    ),
    (
        "privacy.noiseLocation",
        {"privacy": {"noiseLocation": "Client"}},
        {"promised": 1.0},
        {},
        "the hub adds the noise, but this participant requires that it clips and adds noise itself. Set "
        "clipping.location: Client and noise.location: Client in spec.privacy, or unit: Example",
    ),
    (
        "privacy.minNoiseMultiplier",
        {"privacy": {"minNoiseMultiplier": 0.8}},
        {"promised": 0.7},
        {"promised": 0.8},
        "the training promises a noise multiplier of 0.7; the minimum is 0.8. Set `noise: {type: Multiplier, "
        "multiplier: 0.8}` in spec.privacy",
    ),
    (
        "privacy.maxEpsilon",
        {"privacy": {"maxEpsilon": 4.0}},
        {"promised": 1.0},
        {"promised": 1.1},
        "with this round, all trainings on data set tickets with unit: Participant together spend epsilon "
        "4.377; the maximum is 4 (delta 1e-05, unit Participant, update zeroed, promised noise trusted, "
        "exact Gaussian)",
    ),
    (
        "spec",
        {},
        {"storage": {"type": "File", "file": {"path": "/data"}}},
        {},
        "the ledger is of type File, but a task writes to buckets only. Use storage.type: S3",
    ),
]


@pytest.mark.parametrize(
    ("field", "given", "asked", "fits", "message"), REFUSED, ids=[f"{one[0]} {one[4][:40]}" for one in REFUSED]
)
def test_a_task_beyond_the_policy_is_refused_with_field_and_values(
    field: str, given: dict[str, Any], asked: dict[str, Any], fits: dict[str, Any], message: str
) -> None:
    judged = judge(train(**asked), policy(**given), IMAGE)
    assert judged == Refusal("PolicyRefused", f"bank-b's policy ({field}) refuses the task: {message}", field)
    if fits:
        assert isinstance(judge(train(**fits), policy(**given), IMAGE), Assignment)


def test_every_refusing_rule_has_a_case() -> None:
    work = {rules.work.work_is_a_participants.field}
    assert {one.field for one in rules.REFUSING} == {case[0] for case in REFUSED} | work


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
    whole, claimed = spec(), run()
    task = orders.inspect_task(whole, claimed, TaskKey(0, "Inspect", "bank-b", 1)).model_copy(update={"work": work})
    order = train().model_copy(update={"task": train().task.model_validate(to_wire(task))})
    judged = judge(order, policy(), IMAGE)
    assert isinstance(judged, Refusal)
    assert f"the task is of type {work.type}, which runs at the hub only" in judged.message


def test_a_hub_that_does_not_state_its_minimum_is_refused_if_the_policy_has_one() -> None:
    older = train().task.model_dump(mode="json", by_alias=True, exclude_none=True)
    older.pop("minParticipants")
    order = train().model_copy(update={"task": train().task.model_validate(older)})
    assert isinstance(judge(order, policy(), IMAGE), Assignment)
    judged = judge(order, policy(minimums={"participantsPerRound": 2}), IMAGE)
    assert isinstance(judged, Refusal)
    assert "the hub does not say how many updates it aggregates" in judged.message


def test_pods_stop_after_the_shorter_of_both_run_times() -> None:
    assert capped(train(), policy(limits={"taskDuration": "3h"})).timeout == "3h"
    assert capped(train(), policy(limits={"taskDuration": "5h"})).timeout == "4h"
    assert capped(train(), policy()).timeout == "4h"
