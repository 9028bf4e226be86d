"""Rounds whose updates were clipped by the participants, who may have added the noise as well."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fedtrain_aggregator.errors import Refused
from private_round_on_disk import ADAPTIVE, PEOPLE, SHAPES, VALUES, Make, Private
from round_on_disk import adapter

from fedtrain.contracts.records import Close
from fedtrain.privacy.noise_shares import share_multiplier


def of_norm(seed: int, norm: float) -> dict[str, Any]:
    """An update of this norm."""
    made = adapter(seed, SHAPES)
    found = float(np.sqrt(sum(np.sum(values.astype(np.float64) ** 2) for values in made.values())))
    return {name: (values * (norm / found)).astype(np.float32) for name, values in made.items()}


def with_share(seed: int, norm: float, std: float) -> dict[str, Any]:
    """An update of this norm with a share of noise."""
    random = np.random.default_rng(100 + seed)
    return {
        name: values + random.normal(0, std, values.shape).astype(np.float32)
        for name, values in of_norm(seed, norm).items()
    }


def send(made: Private, update: Callable[[int], dict[str, Any]], **record: Any) -> None:
    for number, who in enumerate(PEOPLE):
        made.round.send(who, update(number), **record)
    made.round.close()


def quarantined(made: Private) -> dict[str, str]:
    found = made.round.aggregate()
    assert isinstance(found, Close)
    assert made.spend() is None, "no noise is drawn for a round that is not aggregated"
    return {one.participant: one.reason for one in found.quarantined}


def test_an_update_that_is_not_clipped_is_quarantined_without_its_norm(make: Make) -> None:
    """However little it is above the norm; those of honest participants are below by 2^-20."""
    made = make(bound=1.0, clipping_location="Client")
    send(made, lambda number: of_norm(number, 1 + 2.0**-20 if number == 2 else 1 - 2.0**-20))
    assert quarantined(made) == {"carla": "it is not clipped to this round's norm"}


def test_the_hub_adds_the_noise_to_updates_that_are_clipped(make: Make) -> None:
    made = make(bound=1.0, multiplier=2.0, clipping_location="Client")
    send(made, lambda number: of_norm(number, 0.999))
    done = made.aggregated()
    assert np.std(made.step(done)) == pytest.approx(2.0 / 4, rel=5 / np.sqrt(2 * VALUES))
    spend = made.spend()
    assert spend is not None
    assert spend.seed is not None


@pytest.mark.parametrize(("within", "moved"), [(1.0, np.exp(-0.1)), (0.0, np.exp(0.1))])
def test_the_clipping_norm_follows_what_the_records_say(within: float, moved: float, make: Make) -> None:
    """All updates are within the bound after clipping; only their participants know whether they were before."""
    made = make(multiplier=0.01, indicator_noise=0.02, clipping_location="Client", clipping=ADAPTIVE)
    send(made, lambda number: of_norm(number, 0.999), within_bound=within)
    done = made.aggregated()
    assert done.privacy is not None
    assert done.privacy.next_bound == pytest.approx(moved, rel=0.01)


@pytest.mark.parametrize("within", [None, 0.5, 7.0])
def test_a_record_without_the_indicator_is_quarantined(within: float | None, make: Make) -> None:
    made = make(multiplier=0.1, indicator_noise=0.2, clipping_location="Client", clipping=ADAPTIVE)
    send(made, lambda number: of_norm(number, 0.5), within_bound=within)
    assert set(quarantined(made)) == set(PEOPLE)


def test_noise_of_the_participants_reaches_the_target_with_the_fewest_updates(make: Make) -> None:
    """Shares for 3 updates, of which 4 arrived: the sum has more noise than the target, and the hub adds none."""
    share = share_multiplier(2.0, updates=3)
    made = make(bound=1.0, multiplier=2.0, clipping_location="Client", noise_shares=3)
    send(made, lambda number: with_share(number, 0.999, share))
    done = made.aggregated()
    std = share * np.sqrt(4) / 4
    assert std >= 2.0 / 4
    assert np.std(made.step(done)) == pytest.approx(std, rel=0.03)
    assert done.privacy is not None
    assert done.privacy.noise_std == pytest.approx(std, rel=1e-6)
    spend = made.spend()
    assert spend is not None
    assert (spend.multiplier, spend.seed) == (2.0, None), "the draw is counted, and the hub has no seed"


def test_nothing_is_published_with_fewer_shares_than_the_noise_needs(make: Make) -> None:
    made = make(bound=1.0, multiplier=2.0, clipping_location="Client", noise_shares=5)
    send(made, lambda number: with_share(number, 0.999, share_multiplier(2.0, updates=5)))
    before = made.blobs()
    with pytest.raises(
        Refused, match="4 updates with a share of the noise, but the shares are calibrated to 5 or more"
    ):
        made.round.aggregate()
    assert made.blobs() == before


@pytest.mark.parametrize("flawed", [1, 2])
def test_quarantined_updates_are_no_shares_of_the_noise(flawed: int, make: Make) -> None:
    """Shares for 3 updates, of which 4 arrived: without one, the noise suffices; without two, it does not."""
    share = share_multiplier(2.0, updates=3)
    made = make(bound=1.0, multiplier=2.0, clipping_location="Client", noise_shares=3)
    send(made, lambda number: of_norm(number, 0.999) if number < flawed else with_share(number, 0.999, share))
    assert len(quarantined(made)) == flawed
    if flawed == 2:
        before = made.blobs()
        with pytest.raises(Refused, match="2 updates with a share of the noise, but the shares are calibrated to 3"):
            made.round.aggregate(2)
        assert made.blobs() == before
        return
    done = made.aggregated(2)
    std = share * np.sqrt(3) / 4
    assert np.std(made.step(done)) == pytest.approx(std, rel=0.03)
    assert done.privacy is not None
    assert done.privacy.noise_std == pytest.approx(std, rel=1e-6)


@pytest.mark.parametrize("flaw", ["without noise", "half of the noise", "not clipped"])
def test_an_update_without_its_share_or_not_clipped_is_quarantined(flaw: str, make: Make) -> None:
    share = share_multiplier(2.0, updates=4)
    made = make(bound=1.0, multiplier=2.0, clipping_location="Client", noise_shares=4)
    wrong = {
        "without noise": of_norm(1, 0.999),
        "half of the noise": with_share(1, 0.999, share / 2),
        "not clipped": with_share(1, 100.0, share),
    }[flaw]
    send(made, lambda number: wrong if number == 1 else with_share(number, 0.999, share))
    assert quarantined(made) == {"ben": "its norm is not that of a clipped update with its share of noise"}


def test_noisy_indicators_move_the_clipping_norm_and_are_bounded(make: Make) -> None:
    fields: dict[str, Any] = {"clipping_location": "Client", "noise_shares": 2, "clipping": ADAPTIVE}
    made = make(multiplier=1.0, indicator_noise=2.0, **fields)
    share = share_multiplier(made.planned.update_multiplier, updates=2)
    for number, who in enumerate(PEOPLE):
        made.round.send(who, with_share(number, 0.5, share), within_bound=(2.5, -1.0, 0.75, 1.75)[number])
    made.round.close()
    done = made.aggregated()
    assert done.privacy is not None
    assert done.privacy.next_bound == pytest.approx(np.exp(-0.2 * (4.0 / 4 - 0.5)))
    for indicator in (22.0, -22.0):
        beyond = make(multiplier=1.0, indicator_noise=2.0, **fields)
        send(beyond, lambda number: with_share(number, 0.5, share), within_bound=indicator)
        assert set(quarantined(beyond)) == set(PEOPLE)
