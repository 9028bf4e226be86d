"""Strategies, exhaustion, and whole runs of them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.partitioning import Partitioning
from fedtrain.contracts.records import ModelFacts
from fedtrain.contracts.untrusted_records import Preflight
from fedtrain.partitioning import Candidate, Positions, Share, Situation, partition, situation, window_indices
from fedtrain.partitioning.strategies import STRATEGIES

GIB = 2**30
FACTS = ModelFacts(
    base_parameters=135_000_000, adapter_parameters=4_900_000, hidden_size=576, layers=30, vocabulary=49_152
)


def spec_of(strategy: str, on_exhausted: str = "Wrap", **blocks: dict[str, object]) -> Partitioning:
    return Partitioning.model_validate({"strategy": strategy, "onExhausted": on_exhausted, **blocks})


def around(populations: Sequence[int], rounds: int = 4, **fields: object) -> Situation:
    candidates = tuple(
        Candidate(name=f"p{number}", population=population, **fields)  # type: ignore[arg-type]
        for number, population in enumerate(populations)
    )
    return Situation(candidates=candidates, rounds=rounds, max_length=512, facts=FACTS)


def samples(spec: Partitioning, now: Situation) -> list[int]:
    return [share.samples for share in partition(spec, now)]


def run(spec: Partitioning, now: Situation) -> list[tuple[Share, ...]]:
    """The shares of every round of the run."""
    rounds: list[tuple[Share, ...]] = []
    for _ in range(now.rounds):
        shares = partition(spec, now)
        rounds.append(shares)
        moved = zip(now.candidates, shares, strict=True)
        now = replace(now, candidates=tuple(replace(candidate, start=share.end) for candidate, share in moved))
    return rounds


def test_all_is_one_whole_pass_a_round_whatever_on_exhausted_says() -> None:
    for on_exhausted in ("Wrap", "Clip", "Idle"):
        rounds = run(spec_of("All", on_exhausted), around([7, 30], rounds=3))
        assert [[(share.start, share.samples) for share in shares] for shares in rounds] == [
            [(0, 7), (0, 30)],
            [(7, 7), (30, 30)],
            [(14, 7), (60, 30)],
        ]


def test_fixed_size_wants_the_same_of_everyone() -> None:
    assert samples(spec_of("FixedSize", fixedSize={"samples": 20}), around([7, 30])) == [20, 20]


@pytest.mark.parametrize(
    ("percent", "population", "expected"), [(29, 100, 29), (25, 10, 2), (1, 10, 1), (100, 9, 9), (0.1, 3000, 3)]
)
def test_percentage_is_rounded_down_exactly_and_at_least_one(percent: float, population: int, expected: int) -> None:
    assert samples(spec_of("Percentage", percentage={"percent": percent}), around([population])) == [expected]


def test_max_data_volume_is_what_the_largest_needs_to_be_used_once() -> None:
    assert samples(spec_of("MaxDataVolume"), around([7, 30], rounds=4)) == [8, 8]
    used = run(spec_of("MaxDataVolume", "Clip"), around([7, 30], rounds=4))
    assert [[share.samples for share in shares] for shares in used] == [[7, 8], [0, 8], [0, 8], [0, 6]]


def test_clip_trains_on_what_is_left_and_is_then_done() -> None:
    rounds = run(spec_of("FixedSize", "Clip", fixedSize={"samples": 20}), around([50]))
    assert [shares[0].samples for shares in rounds] == [20, 20, 10, 0]
    assert rounds[3][0].reason == "its data is used up: 50 samples (onExhausted: Clip)"


def test_idle_leaves_out_the_rounds_that_it_cant_fill() -> None:
    rounds = run(spec_of("FixedSize", "Idle", fixedSize={"samples": 20}), around([50]))
    assert [shares[0].samples for shares in rounds] == [20, 20, 0, 0]
    assert rounds[2][0].reason == "10 samples are left, but a round needs 20 (onExhausted: Idle)"


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_a_participant_without_samples_sits_out_and_says_so(strategy: str) -> None:
    spec = spec_of(strategy, fixedSize={"samples": 5}, percentage={"percent": 50})
    shares = partition(spec, around([0, 10], micro_batch_size=1))
    assert (shares[0].samples, shares[0].reason) == (0, "it has no training samples")
    assert shares[1].samples > 0


def test_no_candidates_give_no_shares() -> None:
    assert partition(spec_of("MaxDataVolume"), around([])) == ()
    assert partition(spec_of("DataVolumeAndGPUMemory"), around([])) == ()


def test_memory_shares_are_multiples_of_what_the_gpus_hold() -> None:
    now = around([10_000, 10_000, 1_000], rounds=10, gpu_memory=40 * GIB)
    now = replace(now, candidates=(replace(now.candidates[0], processes=4), *now.candidates[1:]))
    # K = 180, 45, 45; N / R = 1000, 1000, 100; lambda = median(5.56, 22.2, 2.22) = 5.56
    assert samples(spec_of("DataVolumeAndGPUMemory"), now) == [900, 225, 90]


def test_batches_per_gpu_bounds_the_share() -> None:
    spec = spec_of("DataVolumeAndGPUMemory", dataVolumeAndGPUMemory={"batchesPerGpu": 3.0})
    assert samples(spec, around([10_000], rounds=10, micro_batch_size=8, processes=2)) == [48]


def test_less_than_one_full_batch_is_trained_on_in_a_smaller_one() -> None:
    spec = spec_of("DataVolumeAndGPUMemory")
    assert samples(spec, around([100], rounds=10, gpu_memory=40 * GIB)) == [10]
    assert samples(spec, around([3], rounds=10, gpu_memory=40 * GIB)) == [1]


def test_unknown_gpu_memory_sits_out_and_names_the_fields() -> None:
    share = partition(spec_of("DataVolumeAndGPUMemory"), around([100]))[0]
    assert share.samples == 0
    assert share.reason is not None
    assert "limits.gpuMemory" in share.reason


def test_the_specs_gpu_memory_stands_in_where_nothing_is_known() -> None:
    spec = spec_of("DataVolumeAndGPUMemory", dataVolumeAndGPUMemory={"gpuMemory": "40Gi"})
    assert samples(spec, around([10_000], rounds=10)) == samples(spec, around([10_000], rounds=10, gpu_memory=40 * GIB))


def test_a_gpu_too_small_for_one_sample_is_a_refusal_with_a_reason() -> None:
    now = around([100, 100], gpu_memory=GIB)
    now = replace(now, candidates=(now.candidates[0], replace(now.candidates[1], micro_batch_size=4)))
    small, given_batch = partition(spec_of("DataVolumeAndGPUMemory"), now)
    assert small.samples == 0
    assert small.reason is not None
    assert "not one sample of 512 tokens fits into the 1.0 GiB" in small.reason
    assert given_batch.samples > 0


def test_unknown_sizes_of_the_base_are_a_reason() -> None:
    share = partition(spec_of("DataVolumeAndGPUMemory"), replace(around([100], gpu_memory=40 * GIB), facts=None))[0]
    assert share.reason == "the base model's sizes are not known; set `training.microBatchSize`"


def test_a_strategy_without_its_block_is_an_error() -> None:
    with pytest.raises(ValueError, match="FixedSize"):
        partition(spec_of("FixedSize"), around([3]))
    with pytest.raises(ValueError, match="Percentage"):
        partition(spec_of("Percentage"), around([3]))


specs = st.one_of(
    st.builds(lambda n: spec_of("FixedSize", fixedSize={"samples": n}), st.integers(1, 60)),
    st.builds(lambda p: spec_of("Percentage", percentage={"percent": p}), st.floats(0.5, 100)),
    st.just(spec_of("MaxDataVolume")),
    st.just(spec_of("All")),
    st.just(spec_of("DataVolumeAndGPUMemory")),
)
whos = st.lists(st.integers(1, 40), min_size=1, max_size=3)


@given(specs, st.sampled_from(["Wrap", "Clip", "Idle"]), whos, st.integers(1, 6), st.integers(1, 5))
def test_every_samples_uses_over_a_run_are_accounted_exactly(
    spec: Partitioning, on_exhausted: str, populations: list[int], rounds: int, micro: int
) -> None:
    spec = spec.model_copy(update={"on_exhausted": on_exhausted})
    now = around(populations, rounds, micro_batch_size=micro)
    shares = run(spec, now)
    for number, candidate in enumerate(now.candidates):
        uses = np.zeros(candidate.population, dtype=np.int64)
        for share in (row[number] for row in shares):
            window = window_indices(candidate.population, 17, candidate.name, share.start, share.samples)
            np.add.at(uses, window, 1)
            assert (share.reason is None) == (share.samples > 0)
        assert uses.sum() == sum(row[number].samples for row in shares)
        assert uses.max() - uses.min() <= 1
        if spec.strategy == "All":
            assert uses.tolist() == [rounds] * candidate.population
        elif on_exhausted != "Wrap":
            assert uses.max() <= 1


@given(specs, st.integers(1, 200), st.integers(0, 200), st.integers(1, 6))
def test_more_data_never_gives_a_smaller_share(spec: Partitioning, population: int, more: int, rounds: int) -> None:
    if spec.strategy == "DataVolumeAndGPUMemory":
        spec = spec_of("DataVolumeAndGPUMemory", dataVolumeAndGPUMemory={"batchesPerGpu": 3.0})
    few = samples(spec, around([population], rounds, micro_batch_size=4))
    many = samples(spec, around([population + more], rounds, micro_batch_size=4))
    assert few <= many


@given(st.integers(1, 10_000), st.integers(1, 50), st.integers(1, 8), st.integers(1, 64))
def test_a_memory_share_is_a_multiple_of_k_or_below_it(population: int, rounds: int, gpus: int, micro: int) -> None:
    now = around([population], rounds, processes=gpus, micro_batch_size=micro)
    (share,) = samples(spec_of("DataVolumeAndGPUMemory"), now)
    assert 1 <= share <= max(1, population / rounds)
    assert share % (gpus * micro) == 0 or share < gpus * micro


def test_a_situation_is_read_from_the_spec_and_the_preflights() -> None:
    spec = FederatedTrainingSpec.model_validate(
        {
            "model": {"base": "./base", "adapter": {"targetModules": {"type": "Names", "names": ["q_proj", "v_proj"]}}},
            "data": {"dataset": "tickets", "format": "Text", "maxLength": 128},
            "participants": [
                {"name": "a", "compute": {"nodes": 2, "gpusPerNode": 4, "gpuMemory": "24Gi"}},
                {"name": "b", "training": {"microBatchSize": 2, "precision": "FP32"}},
                {"name": "late"},
            ],
            "rounds": {"count": 5},
            "training": {"length": {"type": "Steps", "steps": 3}},
        }
    )
    digest = "blake3:" + "0" * 64
    preflights = {
        name: Preflight(
            run_id="r",
            participant=name,
            samples=population,
            validation_samples=1,
            fingerprint=digest,
            gpu_memory=memory,
        )
        for name, population, memory in [("b", 20, None), ("a", 10, 40 * GIB)]
    }
    now = situation(spec, preflights=preflights, positions=Positions({"a": 7}), facts=None)
    assert now.attention_only
    assert (now.rounds, now.max_length) == (5, 128)
    assert now.candidates == (
        Candidate(name="a", population=10, start=7, processes=8, gpu_memory=24 * GIB),
        Candidate(name="b", population=20, processes=1, micro_batch_size=2, value_bytes=4),
    )
