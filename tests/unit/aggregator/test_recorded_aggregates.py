"""Two rounds of every strategy and merge against digests recorded with 0.1.0: results do not change by a bit."""

import json
from pathlib import Path
from typing import Any

import pytest
from round_on_disk import A2, B2, A, B, MakeRound, adapter

from fedtrain.api.aggregation_strategies import AGGREGATION_STRATEGIES
from fedtrain.contracts.canonical import digest_of
from fedtrain.contracts.records import Aggregate

RECORDED: dict[str, str] = json.loads((Path(__file__).parent / "recorded_digests.json").read_text())
"""`<strategy>-<merge>` to the digest of the second round's `aggregate-1.json`, which holds the digests of adapter and
state, the weights and the norms."""

SHAPES = {A: (16, 700), B: (900, 16), A2: (16, 333), B2: (77, 16)}
"""32,160 values: several chunks of 4,096 and a part of one, with boundaries of tensors inside chunks."""


def second_aggregate(make_round: MakeRound, strategy: str, merge: str, **options: Any) -> Aggregate:
    round = make_round(start=adapter(0, SHAPES, 0.3), strategy=strategy, merge=merge)
    trained = {name: shape for name, shape in SHAPES.items() if merge == "Factors" or ".lora_B." in name}
    made = None
    for number in (1, 2):
        for i, participant in enumerate(("anna", "ben", "carla", "dora")):
            round.send(participant, adapter(10 * number + i, trained, 0.01 * (i + 1)), distinct=7 * i + 3)
        round.close()
        made = round.aggregate(**options)
        assert isinstance(made, Aggregate)
        if number == 1:
            round.commit(made)
    assert isinstance(made, Aggregate)
    return made


@pytest.mark.parametrize("merge", ["Factors", "FreezeA"])
@pytest.mark.parametrize("strategy", AGGREGATION_STRATEGIES)
def test_the_second_round_has_the_recorded_digests(make_round: MakeRound, strategy: str, merge: str):
    assert digest_of(second_aggregate(make_round, strategy, merge)) == RECORDED[f"{strategy}-{merge}"]


@pytest.mark.parametrize("merge", ["Factors", "FreezeA"])
@pytest.mark.parametrize("strategy", AGGREGATION_STRATEGIES)
def test_a_bucket_gives_the_same_digests(make_round_in_a_bucket: MakeRound, strategy: str, merge: str):
    assert digest_of(second_aggregate(make_round_in_a_bucket, strategy, merge)) == RECORDED[f"{strategy}-{merge}"]
