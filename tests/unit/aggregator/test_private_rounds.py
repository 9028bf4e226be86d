"""A round under privacy: clipping, noise, the claimed draw, and failing closed."""

from typing import Any

import numpy as np
import pytest
from fedtrain_aggregator import aggregate as module
from private_round_on_disk import ADAPTIVE, PEOPLE, SHAPES, VALUES, Make, Private, filled
from round_on_disk import A, Tensors, adapter

from fedtrain.contracts import names
from fedtrain.contracts.records import Close
from fedtrain.privacy.adaptive_clipping import update_multiplier


def mean(scale: float, bound: float, people: int = 4) -> Any:
    """The mean of the clipped updates of `filled`, and their norms before clipping."""
    flat = [
        np.concatenate([adapter(n + 1, SHAPES, scale)[name].ravel() for name in sorted(SHAPES)]).astype(np.float64)
        for n in range(people)
    ]
    norms = [float(np.linalg.norm(update)) for update in flat]
    return np.mean([update * min(1, bound / norm) for update, norm in zip(flat, norms, strict=True)], axis=0), norms


@pytest.mark.parametrize("people", [PEOPLE, PEOPLE[:3]])
@pytest.mark.parametrize(("bound", "scale"), [(1.0, 0.1), (100.0, 0.1)])
def test_noise_of_the_stated_size_is_on_the_mean_of_clipped_updates(
    bound: float, scale: float, people: tuple[str, ...], make: Make
) -> None:
    """Also with a missing participant: the noise depends on the updates in the mean."""
    made = filled(make(bound=bound, multiplier=2.0), scale, people)
    done = made.aggregated()
    expected, norms = mean(scale, bound, len(people))
    assert (max(norms) > bound) == (bound == 1.0)
    noise = made.step(done) - expected
    std = 2.0 * bound / len(people)
    assert np.std(noise) == pytest.approx(std, rel=5 / np.sqrt(2 * VALUES))
    assert abs(np.mean(noise)) < 5 * std / np.sqrt(VALUES)
    assert done.privacy is not None
    assert done.privacy.noise_std == pytest.approx(std, rel=1e-6)
    assert (done.privacy.bound, done.privacy.next_bound) == (bound, bound)


def test_over_many_rounds_the_noise_is_within_one_percent_of_the_formula(make: Make) -> None:
    made = filled(make(bound=1.0, multiplier=0.5))
    expected, _ = mean(0.1, 1.0)
    found: list[Any] = []
    for k in range(1, 21):  # each close of the same updates is another draw
        if k > 1:
            made.round.close(k)
        found.append(made.step(made.aggregated(k)) - expected)
    assert np.std(found) == pytest.approx(0.5 / 4, rel=0.01)
    correlation = np.corrcoef(found)[np.triu_indices(20, 1)]
    assert np.abs(correlation).max() < 6 / np.sqrt(VALUES)


def test_clipped_updates_are_never_longer_than_the_bound(make: Make) -> None:
    """With almost no noise, the step of one update is that update, clipped."""
    made = make(bound=0.7, multiplier=0.01, people=("anna", "ben"))
    for who in ("anna", "ben"):
        made.round.send(who, adapter(1, SHAPES, 30.0))
    made.round.close()
    expected, _ = mean(30.0, 0.7, 1)
    along = np.dot(made.step(made.aggregated()), expected) / np.linalg.norm(expected)
    assert along == pytest.approx(0.7, abs=5 * 0.01 * 0.7 / 2)


def test_the_norms_of_updates_are_not_recorded(make: Make) -> None:
    made = filled(make())
    done = made.aggregated()
    assert [(one.participant, one.weight, one.norm) for one in done.weights] == [(who, 0.25, None) for who in PEOPLE]


def test_weights_by_samples_are_not_used(make: Make) -> None:
    """An update with more samples has the same weight, since the noise is calibrated to equal ones."""
    made = make(multiplier=0.01)
    for number, who in enumerate(PEOPLE):
        made.round.send(who, adapter(number + 1, SHAPES, 0.1), distinct=1 if number else 1_000_000)
    made.round.close()
    expected, _ = mean(0.1, 1.0)
    assert np.linalg.norm(made.step(made.aggregated()) - expected) < 2 * 0.01 / 4 * np.sqrt(VALUES)


def test_noise_comes_before_the_servers_step(make: Make) -> None:
    """FedAdagrad's first step is eta D / (|D| + tau): with noise after it, values would exceed eta."""
    fields = {"strategy": "FedAdagrad", "fedAdagrad": {"serverLearningRate": 0.1, "tau": 1e-9}}
    made = filled(make(multiplier=50.0, strategy=fields))
    step = made.step(made.aggregated())
    assert np.abs(step).max() <= 0.1 * (1 + 1e-6)
    assert np.mean(np.abs(step)) > 0.099


@pytest.mark.parametrize(("scale", "within"), [(1e-4, 4), (10.0, 0)])
def test_adaptive_clipping_moves_the_bound_towards_the_norms(scale: float, within: int, make: Make) -> None:
    """All norms are below the bound: it shrinks; all are above: it grows. The noise on the count is small."""
    made = filled(make(bound=1.0, multiplier=0.1, indicator_noise=0.2, clipping=ADAPTIVE), scale)
    done = made.aggregated()
    assert done.privacy is not None
    assert done.privacy.next_bound == pytest.approx(np.exp(-0.2 * (within / 4 - 0.5)), rel=0.03)
    assert done.privacy.bound == 1.0
    assert done.privacy.noise_std == pytest.approx(update_multiplier(0.1, 0.2) / 4, rel=1e-6)


def closed_again(made: Private, bad: Tensors) -> Close:
    """The close without anna's bad update; the others send sound ones."""
    made.round.send("anna", bad)
    for number, who in enumerate(PEOPLE[1:]):
        made.round.send(who, adapter(number + 2, SHAPES, 0.1))
    made.round.close()
    found = made.round.aggregate()
    assert isinstance(found, Close)
    return found


def test_a_quarantined_update_counts_as_zeros(make: Make) -> None:
    """The mean is divided by the number of updates that arrived: an update replaced by zeros changes nothing else."""
    made = make(bound=1.0, multiplier=2.0)
    bad = adapter(1, SHAPES, 0.1)
    bad[A][3, 3] = np.inf
    found = closed_again(made, bad)
    quarantined = made.step(made.aggregated(found.k))
    zeros = make(bound=1.0, multiplier=2.0)
    zeros.round.send("anna", {name: np.zeros_like(values) for name, values in bad.items()})
    for number, who in enumerate(PEOPLE[1:]):
        zeros.round.send(who, adapter(number + 2, SHAPES, 0.1))
    zeros.round.close(2)
    done = zeros.aggregated(2)
    assert np.array_equal(quarantined, zeros.step(done)), "same noise (of close 2), same mean"
    assert done.privacy is not None
    assert done.privacy.noise_std == pytest.approx(2.0 / 4, rel=1e-6)


def test_an_update_with_nan_is_quarantined_before_noise_is_drawn(make: Make) -> None:
    made = make()
    bad = adapter(1, SHAPES, 0.1)
    bad[A][3, 3] = np.nan
    found = closed_again(made, bad)
    assert [one.participant for one in found.quarantined] == ["anna"]
    assert made.spend() is None


def test_no_update_is_compared_with_the_median_of_others(make: Make) -> None:
    """The default bound would quarantine an update that others call unusual: their data would decide about it."""
    made = make()
    for number, who in enumerate(PEOPLE):
        made.round.send(who, adapter(number + 1, SHAPES, 1e-6 if number else 10.0))
    made.round.close()
    made.aggregated()


@pytest.mark.parametrize("bits", [64, 128])  # of a value's first byte: its magnitude, or its sign, which keeps the norm
def test_an_update_that_changes_after_it_was_opened_is_not_published(
    bits: int, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = filled(make())
    read = module.combine_updates

    def changed(updates: Any, *arguments: Any) -> Any:
        folder = made.round.folder / "store/team/notes" / names.update_folder(1, "ben", 1)
        (file,) = folder.glob("*.safetensors")
        content = bytearray(file.read_bytes())
        content[-5] ^= bits
        with file.open("r+b") as opened:
            opened.write(content)
        return read(updates, *arguments)

    monkeypatch.setattr(module, "combine_updates", changed)
    before = made.blobs()
    found = made.round.aggregate()
    assert isinstance(found, Close)
    assert "ben" in [one.participant for one in found.quarantined]
    assert made.blobs() == before
    assert made.spend() is None
