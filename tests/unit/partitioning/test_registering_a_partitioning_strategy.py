"""A strategy that a user adds: one pure function, registered by name (docs/partitioning.md)."""

from typing import get_args

import pytest

from fedtrain.api import partitioning as api
from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.partitioning import Partitioning
from fedtrain.contracts.records import ModelFacts, Preflight, Run
from fedtrain.contracts.tasks import Train
from fedtrain.partitioning import Candidate, Share, Situation, partition
from fedtrain.partitioning.situation import Want
from fedtrain.partitioning.strategies import STRATEGIES
from fedtrain.partitioning.strategy import Strategy
from fedtrain.preview.dry_run import DIGEST, RUN_ID, DryRun
from fedtrain.rounds.decision import AggregateOrder

POPULATIONS = {"anna": 100, "ben": 30}


def square_root(spec: Partitioning, situation: Situation) -> tuple[Want, ...]:
    assert spec.fixed_size is not None
    factor = spec.fixed_size.samples
    return tuple(Want(factor * int(candidate.population**0.5)) for candidate in situation.candidates)


@pytest.fixture(autouse=True)
def _toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STRATEGIES, "FixedSize", Strategy(square_root))  # replaces a name that the API accepts


def test_partition_uses_the_registered_function() -> None:
    spec = Partitioning.model_validate({"strategy": "FixedSize", "fixedSize": {"samples": 4}, "onExhausted": "Clip"})
    candidates = tuple(Candidate(name=name, population=size, start=20) for name, size in POPULATIONS.items())
    assert partition(spec, Situation(candidates=candidates, rounds=3, max_length=512)) == (
        Share(participant="anna", start=20, samples=40),
        Share(participant="ben", start=20, samples=10),  # 20 wanted, 10 left
    )


def test_decide_plans_rounds_with_the_registered_function() -> None:
    plain = {
        "model": {"base": "./base"},
        "data": {"dataset": "tickets", "format": "Text"},
        "participants": [{"name": name} for name in POPULATIONS],
        "rounds": {"count": 2},
        "training": {"length": {"type": "Steps", "steps": 3}},
        "partitioning": {"strategy": "FixedSize", "fixedSize": {"samples": 4}},
    }
    preflights = {
        name: Preflight(run_id=RUN_ID, participant=name, samples=size, validation_samples=0, fingerprint=DIGEST)
        for name, size in POPULATIONS.items()
    }
    dry_run = DryRun(
        FederatedTrainingSpec.model_validate(plain),
        Run(run_id=RUN_ID, namespace="default", name="toy", spec=plain),
        preflights,
        ModelFacts(base_parameters=0, adapter_parameters=0, hidden_size=0, layers=0, vocabulary=0),
    )
    trained = [
        (start.key.round, start.key.who, start.order.work.start, start.order.work.samples)
        for start in dry_run.orders(last=2)
        if not isinstance(start.order, AggregateOrder) and isinstance(start.order.work, Train)
    ]
    assert trained == [(1, "anna", 0, 40), (1, "ben", 0, 20), (2, "anna", 40, 40), (2, "ben", 20, 20)]


def test_every_strategy_of_the_api_is_registered() -> None:
    assert set(STRATEGIES) == set(get_args(api.Strategy))
