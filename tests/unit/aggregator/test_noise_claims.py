"""The draw of noise is claimed before any noisy byte is written, and nothing is published without it."""

import itertools
import secrets
from typing import Any

import pytest
from fedtrain_aggregator.errors import Refused
from fedtrain_aggregator.privacy import private_round
from private_round_on_disk import Make, filled
from round_on_disk import RUN_ID

from fedtrain.contracts import names
from fedtrain.contracts.canonical import digest_of
from fedtrain.contracts.noise_records import Spend
from fedtrain.ledger.store import StoreUnavailable


@pytest.mark.parametrize(("strategy", "noisy_blobs"), [("FedAvg", 1), ("FedAdam", 2)])
def test_the_draw_is_claimed_before_any_noisy_byte_and_used_again(
    strategy: str, noisy_blobs: int, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed at each write of a round (draw, blobs, record), the next execution adds the same noise: one draw, and no
    noisy blob without it. FedAdam's state is a blob too."""
    for killed_at in range(noisy_blobs + 2):
        made = filled(make(testingSeed=None, strategy={"strategy": strategy}))
        writes = itertools.count()
        create = made.round.store.create

        def dying(key: str, content: Any, writes: Any = writes, create: Any = create, at: int = killed_at) -> bool:
            if next(writes) == at:
                raise StoreUnavailable("killed")
            return create(key, content)

        with monkeypatch.context() as patched:
            patched.setattr(made.round.store, "create", dying)
            with pytest.raises(StoreUnavailable):
                made.round.aggregate()
        before, spend = made.blobs(), made.spend()
        assert (spend is not None) == (killed_at > 0)
        assert len(before) == 1 + max(0, killed_at - 1), "no noisy blob without a claimed draw"
        done = made.aggregated()
        assert next(writes) <= noisy_blobs + 2
        assert spend is None or made.spend() == spend
        assert len(made.blobs()) == 1 + noisy_blobs, "the initial adapter and those of one draw"
        assert done.privacy is not None
        assert done.privacy.spend == digest_of(made.spend() or spend)  # type: ignore[arg-type]


def test_two_aggregators_at_once_leave_one_noisy_adapter(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    made = filled(make(testingSeed=None))
    claim = private_round.claim_draw

    def second_first(*arguments: Any) -> Spend:
        with monkeypatch.context() as patched:
            patched.setattr(private_round, "claim_draw", claim)
            made.round.aggregate()  # another aggregator is faster
        return claim(*arguments)

    monkeypatch.setattr(private_round, "claim_draw", second_first)
    made.round.aggregate()
    assert len(made.blobs()) == 2


def test_seeds_come_from_the_operating_system_and_differ(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    real = secrets.token_bytes

    def token_bytes(count: int) -> bytes:
        asked.append(count)
        return real(count)

    monkeypatch.setattr(secrets, "token_bytes", token_bytes)
    seeds = set[str | None]()
    for _ in range(3):
        made = filled(make(testingSeed=None))
        made.aggregated()
        spend = made.spend()
        assert spend is not None
        assert spend.multiplier == 1.0
        assert str(spend.seed) not in repr(spend)
        seeds.add(spend.seed)
    assert len(seeds) == 3
    assert asked == [32, 32, 32]


def test_a_testing_seed_repeats_the_noise(make: Make) -> None:
    first, second, other = (filled(make(testingSeed=seed)).aggregated() for seed in (7, 7, 8))
    assert first == second
    assert first.adapter != other.adapter


def test_refuse_a_close_that_the_coordinator_ended(make: Make) -> None:
    made = filled(make())
    made.round.ledger.claim(names.spend(1, 1), Spend(run_id=RUN_ID, round=1, k=1))
    before = made.blobs()
    with pytest.raises(Refused, match="not aggregated any more"):
        made.round.aggregate()
    assert made.blobs() == before


def test_refuse_a_draw_with_another_multiplier(make: Make) -> None:
    made = filled(make())
    made.round.ledger.claim(names.spend(1, 1), Spend(run_id=RUN_ID, round=1, k=1, multiplier=0.5, seed="0" * 64))
    with pytest.raises(Refused, match=r"has noise multiplier 0\.5, but the plan has 1"):
        made.round.aggregate()


@pytest.mark.parametrize("other", [{"k": 2}, {"round": 2}])
def test_refuse_a_draw_of_another_close(other: dict[str, int], make: Make) -> None:
    """No manifest would count it."""
    made = filled(make())
    fields = {"round": 1, "k": 1} | other
    made.round.ledger.claim(names.spend(1, 1), Spend(run_id=RUN_ID, **fields, multiplier=1.0, seed="0" * 64))
    before = made.blobs()
    with pytest.raises(Refused, match=r"spend-1\.json"):
        made.round.aggregate()
    assert made.blobs() == before


def test_refuse_to_aggregate_without_noise_if_the_plan_does_not_say_how(make: Make) -> None:
    made = filled(make())
    before = made.blobs()
    made.round.store.delete(f"team/notes/{names.plan(1)}")
    with pytest.raises(Refused, match=r"plan\.json .* does not say how to clip and noise"):
        made.round.aggregate()
    assert made.blobs() == before


def test_no_noise_is_drawn_for_a_recorded_round(make: Make) -> None:
    """The manifest does not count the draw of an aggregator that is late."""
    made = filled(make())
    made.round.record(1, "Skipped", made.round.blob(made.round.start), None, None, 0)
    before = made.blobs()
    with pytest.raises(Refused, match=r"Round 1 is recorded, so close 1 gets no noise"):
        made.round.aggregate()
    assert made.spend() is None
    assert made.blobs() == before


def test_nothing_is_published_if_the_round_is_recorded_while_the_noise_is_claimed(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = filled(make())
    claim = made.round.store.create

    def recorded_first(key: str, content: Any) -> bool:
        if "/spend-" in key:
            made.round.record(1, "Skipped", made.round.blob(made.round.start), None, None, 0)
        return claim(key, content)

    monkeypatch.setattr(made.round.store, "create", recorded_first)
    before = made.blobs()
    with pytest.raises(Refused, match="Round 1 is recorded"):
        made.round.aggregate()
    assert made.blobs() == before
