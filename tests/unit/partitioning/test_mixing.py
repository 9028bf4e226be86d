"""Mixing data sets: shares hold in each round and over the run, and each data set keeps its own stream."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from random import Random

import pytest

from fedtrain.api.data import MixedDataset
from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.partitioning import Partitioning
from fedtrain.contracts.untrusted_records import DatasetCount, Preflight
from fedtrain.partitioning import (
    Candidate,
    Positions,
    Share,
    Situation,
    distinct_rows,
    partition,
    positions_of,
    situation,
    stream_of,
    window_indices,
)
from fedtrain.partitioning.mixing import MixedSet, divide, left, mixed_sets, shares

SPEC = {
    "model": {"base": "./base"},
    "data": {
        "format": "Text",
        "datasets": [{"name": "notes", "share": 0.7}, {"name": "guidelines", "share": 0.3}],
    },
    "participants": [{"name": "clinic"}, {"name": "lab"}],
    "rounds": {"count": 4},
    "training": {"length": {"type": "Steps", "steps": 1}},
    "partitioning": {"strategy": "FixedSize", "fixedSize": {"samples": 25}},
}


def sets(*parts: tuple[float, int], starts: Sequence[int] = ()) -> tuple[MixedSet, ...]:
    """Data sets a, b, ... with these shares and numbers of rows."""
    datasets = [MixedDataset(name=chr(97 + at), share=share) for at, (share, _) in enumerate(parts)]
    counts = [DatasetCount(name=chr(97 + at), samples=rows, validation_samples=0) for at, (_, rows) in enumerate(parts)]
    return mixed_sets(datasets, counts, dict(zip("abcdefgh", starts, strict=False)))


def following(mix: Sequence[MixedSet], counts: Sequence[int]) -> tuple[MixedSet, ...]:
    return tuple(replace(one, start=one.start + count) for one, count in zip(mix, counts, strict=True))


def spec(**changes: object) -> FederatedTrainingSpec:
    return FederatedTrainingSpec.model_validate({**SPEC, **changes})


def preflight(who: str, notes: int, guidelines: int) -> Preflight:
    datasets = tuple(
        DatasetCount(name=name, samples=rows, validation_samples=0)
        for name, rows in (("notes", notes), ("guidelines", guidelines))
    )
    return Preflight(
        run_id="r", participant=who, samples=notes + guidelines, validation_samples=0,
        fingerprint="blake3:" + 64 * "0", datasets=datasets,
    )  # fmt: skip


COUNTED = {"clinic": preflight("clinic", 60, 10), "lab": preflight("lab", 30, 40)}


def play(mixed: FederatedTrainingSpec, rounds: int = 4) -> list[tuple[Share, ...]]:
    """The shares of all rounds."""
    positions, found = Positions(), list[tuple[Share, ...]]()
    for _ in range(rounds):
        now = situation(mixed, preflights=COUNTED, positions=positions, facts=None)
        found.append(partition(mixed.partitioning, now))
        positions = positions.after(found[-1])
    return found


@pytest.mark.parametrize("written", [(0.7, 0.3), (7, 3), (70.0, 30.0), (1.4, 0.6)])
def test_shares_are_relative_and_exact(written: tuple[float, float]) -> None:
    datasets = [MixedDataset(name="a", share=written[0]), MixedDataset(name="b", share=written[1])]
    assert shares(datasets) == {"a": Fraction(7, 10), "b": Fraction(3, 10)}


@pytest.mark.parametrize("seed", range(20))
def test_each_slice_has_the_shares_within_one_sample_and_the_run_keeps_them(seed: int) -> None:
    chance = Random(seed)
    mix = sets(*((chance.choice([0.01, 0.1, 0.3, 1, 1 / 3, 2, 7]), 1000) for _ in range(chance.randint(2, 6))))
    slices = [chance.randint(0, 40) for _ in range(30)]
    for samples in slices:
        counts = divide(mix, samples)
        assert sum(counts) == samples
        assert all(abs(one.share * samples - count) < 1 for one, count in zip(mix, counts, strict=True))
        mix = following(mix, counts)
    assert all(abs(one.share * sum(slices) - one.start) < len(mix) for one in mix)


def test_small_slices_do_not_starve_a_small_share() -> None:
    mix = sets((0.9, 1000), (0.1, 1000))
    for _ in range(30):
        mix = following(mix, divide(mix, 3))
    assert [one.start for one in mix] == [81, 9]


def test_a_division_is_the_same_again_and_continues_from_the_positions() -> None:
    whole = [share for round in play(spec()) for share in round if share.participant == "clinic"]
    assert [[part.samples for part in share.datasets] for share in whole] == [[18, 7], [17, 8], [18, 7], [17, 8]]
    for before, after in pairwise(whole):
        assert [part.start for part in after.datasets] == [part.end for part in before.datasets]
    assert play(spec()) == play(spec())


def test_with_wrap_a_data_set_that_ends_repeats_while_the_others_continue() -> None:
    mixed = spec()
    rows: dict[str, list[int]] = {"notes": [], "guidelines": []}
    for round in play(mixed):
        (clinic,) = (share for share in round if share.participant == "clinic")
        for part in clinic.datasets:
            stream = stream_of("clinic", part.name)
            rows[part.name] += window_indices(part.population, 0, stream, part.start, part.samples).tolist()
    assert sorted(rows["guidelines"][:10]) == sorted(rows["guidelines"][10:20]) == list(range(10))
    assert len(rows["notes"]) == 70
    assert sorted(rows["notes"][:60]) == list(range(60)), "without replacement within a pass"


def test_repeated_rows_of_a_small_data_set_count_once() -> None:
    share = play(spec(partitioning={"strategy": "All"}), rounds=1)[0][0]
    assert [part.samples for part in share.datasets] == [49, 21]
    assert distinct_rows(share, 70, 0) == 49 + 10


@pytest.mark.parametrize(
    ("on_exhausted", "samples", "reason"),
    [
        ("Clip", [25, 10, 0, 0], "its data set guidelines is used up: 10 samples (onExhausted: Clip)"),
        (
            "Idle",
            [25, 0, 0, 0],
            "10 samples are left in the shares of its data sets, but a round needs 25 (onExhausted: Idle)",
        ),
    ],
)
def test_with_clip_and_idle_the_pass_ends_with_the_first_data_set(
    on_exhausted: str, samples: list[int], reason: str
) -> None:
    block = {"strategy": "FixedSize", "fixedSize": {"samples": 25}, "onExhausted": on_exhausted}
    rounds = [round[0] for round in play(spec(partitioning=block))]
    assert [share.samples for share in rounds] == samples
    assert rounds[-1].reason == reason
    assert sum(round.datasets[1].samples for round in rounds) <= 10


def test_the_largest_slice_without_repeats_fits_all_data_sets() -> None:
    mix = sets((0.7, 60), (0.3, 10))
    assert left(mix) == 33
    assert divide(mix, 33) == (23, 10)
    assert left(sets((0.7, 60), (0.3, 10), starts=(5, 10))) == 0


def test_a_slice_of_several_data_sets_is_as_large_as_of_one() -> None:
    block = Partitioning.model_validate({"strategy": "Percentage", "percentage": {"percent": 50}})
    one = Situation(candidates=(Candidate(name="clinic", population=70),), rounds=4, max_length=8)
    mixed = situation(spec(), preflights=COUNTED, positions=Positions(), facts=None)
    assert partition(block, one)[0].samples == partition(block, mixed)[0].samples == 35


def test_positions_before_the_first_plan_are_zero() -> None:
    assert positions_of(None).of("clinic") == 0
    assert positions_of(None).of_sets("clinic") == {}
