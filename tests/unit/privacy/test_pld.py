"""Poisson sampling: epsilon equals what dp-accounting 0.6.0 computes, and behaves as it must."""

import pytest

from fedtrain.privacy.accounting import AccountingError, Poisson, Release, affordable_rounds, epsilon, multiplier_for
from fedtrain.privacy.accounting import privacy_loss_distribution as pld

# Sampling probability, noise multiplier, number of releases, delta, and the epsilon of dp-accounting's PLDAccountant
# under ADD_OR_REMOVE_ONE. A test of the accountants computes further ones with dp-accounting itself.
OF_DP_ACCOUNTING = [
    (0.064, 1.0, 300, 1e-5, 7.571929),
    (0.128, 1.5, 300, 1e-5, 8.350205),
    (0.0512, 0.8, 500, 1e-5, 12.345930),
    (0.01, 0.7, 2000, 1e-6, 7.161077),
    (0.03, 0.5, 10, 1e-5, 6.712092),
    (0.017, 0.6, 300, 1e-5, 7.368448),
    (0.2, 5.0, 1000, 1e-5, 5.871609),
    (0.001, 0.5, 10000, 1e-6, 6.346137),
    (0.3, 20.0, 20, 1e-3, 0.122286),
    (0.02, 0.4, 1, 1e-5, 6.806955),
    (1.0, 1.0, 3, 1e-5, 8.385419),
    (0.01, 1.1, 5000, 1e-8, 4.780404),
    (0.1, 50.0, 10, 1e-5, 0.016447),
    (0.5, 2.0, 10, 1e-5, 3.958996),
    (0.01, 1.0, 500, 1e-5, 1.326052),
    (0.05, 0.8, 30, 1e-7, 5.376890),
    (0.25, 1.5, 4, 1e-5, 2.138606),
    (0.1, 2.0, 50, 1e-6, 1.913646),
    (0.1, 1.0, 50, 1e-5, 5.148263),
    (1.0, 3.0, 10, 1e-5, 4.652985),
]


@pytest.mark.parametrize(("probability", "multiplier", "releases", "delta", "expected"), OF_DP_ACCOUNTING)
def test_epsilon_equals_that_of_dp_accounting(
    probability: float, multiplier: float, releases: int, delta: float, expected: float
) -> None:
    found = epsilon({Release(multiplier, Poisson(probability)): releases}, delta)
    assert found == pytest.approx(expected, rel=5e-4)


def test_releases_with_different_sampling_compose() -> None:
    releases = {Release(1.0, Poisson(0.1)): 20, Release(0.8, Poisson(0.02)): 50}
    assert epsilon(releases, 1e-5) == pytest.approx(3.830434, rel=5e-4)  # of dp-accounting


def test_epsilon_grows_with_sampling_and_releases_and_falls_with_noise_and_delta() -> None:
    def found(probability: float = 0.05, multiplier: float = 1.0, releases: int = 100, delta: float = 1e-5) -> float:
        return epsilon({Release(multiplier, Poisson(probability)): releases}, delta)

    assert found(releases=101) > found()
    assert found(probability=0.051) > found()
    assert found(multiplier=1.01) < found()
    assert found(delta=1.01e-5) < found()


def test_a_budget_finds_the_noise_that_spends_it() -> None:
    multiplier = multiplier_for(8.0, 1e-5, 300, Poisson(0.064))
    assert epsilon({Release(multiplier, Poisson(0.064)): 300}, 1e-5) == pytest.approx(8.0, rel=1e-3)


def test_refuse_a_delta_below_the_rounding_errors() -> None:
    with pytest.raises(AccountingError, match=r"delta is 1e-11\. Set it to 1e-10 or more with Poisson sampling"):
        epsilon({Release(1.0, Poisson(0.1)): 1}, 1e-11)


def test_refuse_noise_that_protects_no_one() -> None:
    with pytest.raises(AccountingError, match=r"multiplier is 0\.02, which protects no one"):
        epsilon({Release(0.02, Poisson(0.1)): 1}, 1e-5)


def test_epsilon_of_a_million_steps_is_an_upper_bound() -> None:
    """dp-accounting needs 15 s for 6.026, with a grid of 1e-5. See docs/privacy.md, "How unit: Example works"."""
    release = Release(1.0, Poisson(1e-3))
    assert 6.026 < epsilon({release: 10**6}, 1e-5) < 6.026 * 1.17
    assert 1.637 < epsilon({release: 10**5}, 1e-5) < 1.637 * 1.016


@pytest.mark.parametrize("releases", [10**6, 10**7, 10**9])
def test_refuse_more_releases_than_the_grid_can_compose(releases: int) -> None:
    """A coarse grid widens the losses. Beyond its range, they wrapped around and counted as small ones."""
    for release in (Release(5.0, Poisson(1.0)), Release(1.0, Poisson(0.1)), Release(0.5, Poisson(0.01))):
        with pytest.raises(AccountingError, match=r"Epsilon is too large to be computed\. Raise the noise"):
            epsilon({release: releases}, 1e-5)


@pytest.mark.parametrize(("multiplier", "releases"), [(100.0, 10**5), (30.0, 10**4), (200.0, 10**5)])
def test_many_releases_never_cost_less_than_they_do(multiplier: float, releases: int) -> None:
    exact = epsilon({Release(multiplier): releases}, 1e-5)
    assert epsilon({Release(multiplier, Poisson(1.0)): releases}, 1e-5) >= 0.9999 * exact


@pytest.mark.parametrize(("multiplier", "releases", "delta"), [(1.0, 3, 1e-5), (20.0, 20, 1e-3)])
def test_losses_beyond_the_grid_count_as_infinite(
    multiplier: float, releases: int, delta: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A grid that leaves half of delta for them may use only the other half."""
    monkeypatch.setattr(pld, "TAIL", 0.5)
    found = pld.poisson_epsilon({Release(multiplier, Poisson(1.0)): releases}, delta)
    exact = epsilon({Release(multiplier): releases}, delta / 2)
    assert exact <= found <= 1.01 * exact


def test_noise_is_found_for_many_releases() -> None:
    """With z = 1, where the search begins, epsilon is too large to be computed."""
    multiplier = multiplier_for(8.0, 1e-5, 10**5, Poisson(0.1))
    assert epsilon({Release(multiplier, Poisson(0.1)): 10**5}, 1e-5) == pytest.approx(8.0, rel=1e-3)
    assert multiplier > 15


def test_rounds_whose_epsilon_is_too_large_are_not_affordable() -> None:
    assert 0 < affordable_rounds(Release(1.0, Poisson(0.1)), 8.0, 1e-5, most=10_000, steps=10) < 20
