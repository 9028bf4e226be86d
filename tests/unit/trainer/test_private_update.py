"""A participant's update before it leaves: clipped, with its share of the noise."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fedtrain_trainer import private_update as module
from fedtrain_trainer.outcome import Refused
from fedtrain_trainer.private_update import private_update, stated

from fedtrain.contracts.tasks import NoiseShare, Task, Train, UpdateClipping
from fedtrain.privacy.gaussian_noise import granularity
from fedtrain.privacy.noise_shares import noisy_norm_range, share_multiplier
from tests.support.noise_samples import first_samples
from tests.support.tasks import DIGEST, task_of, train_work

BOUND = 0.5


def task(plan: str = DIGEST, participant: str = "bank-a", attempt: int = 1, **work: Any) -> tuple[Task, Train]:
    made = train_work(plan=plan, **work)
    return task_of(made, participant, attempt=attempt), made


def update(seed: int = 1, scale: float = 1.0, rows: int = 40) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {name: scale * torch.randn(rows, 25, generator=generator) for name in ("b", "a")}


def flat(tensors: dict[str, torch.Tensor]) -> Any:
    return np.concatenate([tensors[name].numpy().ravel().astype(np.float64) for name in sorted(tensors)])


@pytest.fixture
def key(tmp_path: Path) -> str:
    (tmp_path / "key").write_bytes(b"k" * 32)
    return str(tmp_path / "key")


def shared(multiplier: float = 1.0, updates: int = 2, **fields: Any) -> dict[str, Any]:
    return {
        "clipping": UpdateClipping(bound=BOUND, reports_within=True),
        "noise": NoiseShare(multiplier=multiplier, updates=updates, **fields),
    }


def test_an_update_is_clipped_as_one_vector_and_never_above_the_bound() -> None:
    for seed in range(20):
        before = update(seed)
        after, within = private_update(*task(clipping=UpdateClipping(bound=BOUND, reports_within=True)), before, None)
        assert BOUND * (1 - 1e-5) < np.linalg.norm(flat(after)) <= BOUND
        assert within == 0
        assert flat(after) / BOUND == pytest.approx(flat(before) / np.linalg.norm(flat(before)), abs=1e-6)
        assert [tensor.dtype for tensor in after.values()] == [torch.float32, torch.float32]


def test_a_short_update_stays_as_it_is() -> None:
    before = update(scale=1e-4)
    after, within = private_update(*task(clipping=UpdateClipping(bound=BOUND, reports_within=True)), before, None)
    assert within == 1
    assert all(torch.equal(after[name], before[name]) for name in before)


def test_the_indicator_is_sent_only_where_the_task_asks_for_it() -> None:
    assert private_update(*task(clipping=UpdateClipping(bound=BOUND)), update(), None)[1] is None
    assert private_update(*task(), update(), None)[1] is None


def test_the_stated_norm_is_that_of_all_tensors_and_an_update_without_one_states_none() -> None:
    """In bfloat16 as well: what leaves is float32."""
    assert stated({"a": torch.full((2, 2), 3.0), "b": torch.full((64,), 1.0)}) == 10.0000001
    assert stated({"a": torch.full((4,), 1.0, dtype=torch.bfloat16, requires_grad=True)}) == 2.00000001
    assert stated({"a": torch.zeros(3)}) == 0.0
    for value in (float("nan"), float("inf"), -float("inf")):
        assert stated({"a": torch.tensor([1.0, value]), "b": torch.zeros(2)}) is None


def test_the_share_of_noise_has_the_size_of_the_formula(key: str) -> None:
    before = update(rows=8000)
    clipped, _ = private_update(*task(clipping=UpdateClipping(bound=BOUND)), before, None)
    noisy, _ = private_update(*task(**shared(2.0, 5)), before, key)
    noise = flat(noisy) - flat(clipped)
    assert np.std(noise) == pytest.approx(2.0 * BOUND / 2, rel=0.01)
    assert abs(np.mean(noise)) < 5 * BOUND / np.sqrt(noise.size)
    low, high = noisy_norm_range(share_multiplier(2.0, 5), BOUND, noise.size)
    assert low <= np.linalg.norm(flat(noisy)) <= high


def test_noisy_values_are_whole_steps_where_float32_has_room_for_them(key: str) -> None:
    """A part of a step would show the sum under the noise."""
    found = flat(private_update(*task(**shared()), update(), key)[0]) / granularity(share_multiplier(1.0, 2), BOUND)
    small = found[np.abs(found) < 2**24]
    assert len(small) > 5
    assert np.array_equal(small, np.rint(small))


def test_no_block_repeats_the_noise_of_another(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = flat(private_update(*task(**shared()), update(), key)[0])
    monkeypatch.setattr(module, "_BLOCK", 128)
    assert np.array_equal(flat(private_update(*task(**shared()), update(), key)[0]), whole)


@pytest.mark.parametrize("other", [shared(2.0), shared(1.0, 3), shared(1.0, indicator_noise=9.0)])
def test_a_share_of_another_size_is_not_the_same_noise_scaled(other: dict[str, Any], key: str) -> None:
    """The hub asks for the same update with two sizes of the share: if one were a multiple of the other, it could solve
    for the update."""
    before = update(scale=1e-4, rows=2000)
    first, second = (flat(private_update(*task(**one), before, key)[0]) for one in (shared(1.0), other))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.1


def test_one_update_has_one_noise_in_all_attempts_and_another_update_has_another(key: str) -> None:
    """The hub can neither average two draws over one update nor subtract two updates with one draw."""
    first, again, other, elsewhere, later = (
        flat(private_update(*task(**where, **shared()), what, key)[0])
        for where, what in (
            ({}, update(1)),
            ({"attempt": 2}, update(1)),
            ({}, update(2)),
            ({"participant": "bank-b"}, update(1)),
            ({"plan": "blake3:" + "1" * 64}, update(1)),
        )
    )
    assert np.array_equal(first, again)
    clipped = {
        seed: flat(private_update(*task(clipping=UpdateClipping(bound=BOUND)), update(seed), None)[0])
        for seed in (1, 2)
    }
    noises = [first - clipped[1], other - clipped[2], elsewhere - clipped[1], later - clipped[1]]
    correlation = np.corrcoef(noises)[np.triu_indices(4, 1)]
    assert np.abs(correlation).max() < 6 / np.sqrt(2000)


def test_the_indicator_has_a_share_of_noise_too(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The samples have the standard deviation 1, within 1%: test_gaussian_noise.py."""
    seeds, seed_of = list[bytes](), module._seed
    monkeypatch.setattr(module, "_seed", lambda *known: seeds.append(seed_of(*known)) or seeds[-1])
    found = [
        private_update(
            *task(plan=f"blake3:{number:064x}", **shared(indicator_noise=6.0, updates=10)), update(rows=1), key
        )
        for number in range(400)
    ]
    values = np.array([indicator for _, indicator in found], float)
    assert len(set(seeds)) == 400
    assert values == pytest.approx(6.0 / np.sqrt(10 - 1) * first_samples(seeds, "indicators"), rel=1e-6, abs=1e-6)
    first = np.array([flat(after)[0] for after, _ in found])
    assert abs(np.corrcoef(first, values)[0, 1]) < 5 / np.sqrt(400), "other samples than those of the update"


def test_refuse_a_share_of_noise_without_a_key(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no noise key"):
        private_update(*task(**shared()), update(), None)
    with pytest.raises(Refused, match="cannot be read"):
        private_update(*task(**shared()), update(), str(tmp_path / "none"))
    (tmp_path / "short").write_bytes(b"x")
    with pytest.raises(Refused, match="has 1 bytes, but must have 32 or more"):
        private_update(*task(**shared()), update(), str(tmp_path / "short"))


def test_a_testing_seed_needs_no_key() -> None:
    first, second, other = (private_update(*task(**shared(testing_seed=seed)), update(), None)[0] for seed in (1, 1, 2))
    assert np.array_equal(flat(first), flat(second))
    assert not np.array_equal(flat(first), flat(other))
