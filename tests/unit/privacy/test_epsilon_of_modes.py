"""What a run costs in each mode of `unit: Participant`, beside what dp-accounting composes from its releases."""

from functools import lru_cache
from typing import Any

import dp_accounting as dp
import pytest
from dp_accounting.pld import PLDAccountant

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.privacy_parameters import Parameters, parameters
from fedtrain.privacy.accounting import epsilon

PARTICIPANTS, DELTA = 6, 1e-5
FIXED: dict[str, Any] = {"type": "Fixed", "norm": 1.0}
MODES: dict[str, tuple[dict[str, Any], str]] = {
    "Server, Fixed": (FIXED, "Server"),
    "Server, Adaptive": ({"type": "Adaptive"}, "Server"),
    "Server, Adaptive, other noise": ({"type": "Adaptive", "adaptive": {"indicatorNoise": 9.0}}, "Server"),
    "Client, Fixed": ({**FIXED, "location": "Client"}, "Server"),
    "Client, Adaptive": ({"type": "Adaptive", "location": "Client"}, "Server"),
    "Client with shares, Fixed": ({**FIXED, "location": "Client"}, "Client"),
    "Client with shares, Adaptive": ({"type": "Adaptive", "location": "Client"}, "Client"),
}


def parameters_of(mode: str, multiplier: float, rounds: int) -> Parameters:
    clipping, location = MODES[mode]
    spec = FederatedTrainingSpec.model_validate(
        {
            "model": {"base": "./base"},
            "data": {"dataset": "notes", "format": "Text"},
            "participants": [{"name": f"p{number}"} for number in range(PARTICIPANTS)],
            "rounds": {"count": rounds, "minParticipants": 5},
            "training": {"length": {"type": "Steps", "steps": 1}},
            "aggregation": {"weights": "Uniform"},
            "privacy": {
                "unit": "Participant",
                "budget": {"epsilon": 100, "delta": DELTA},
                "noise": {"type": "Multiplier", "multiplier": multiplier, "location": location},
                "clipping": clipping,
            },
        }
    )
    assert spec.privacy is not None
    return parameters(spec, spec.privacy)


@lru_cache
def composed(multipliers: tuple[float, ...], rounds: int) -> float:
    accountant = PLDAccountant(dp.NeighboringRelation.REPLACE_SPECIAL)
    for multiplier in multipliers:
        accountant.compose(dp.GaussianDpEvent(multiplier), rounds)
    return float(accountant.get_epsilon(DELTA))


@pytest.mark.parametrize(("multiplier", "rounds"), [(1.5, 2), (3.0, 10), (6.0, 40)])
@pytest.mark.parametrize("mode", MODES)
def test_a_run_costs_what_dp_accounting_composes_from_its_releases(mode: str, multiplier: float, rounds: int) -> None:
    """Each round releases the updates, and with adaptive clipping the number of unclipped ones."""
    found = parameters_of(mode, multiplier, rounds)
    released = (found.update_multiplier,)
    if found.indicator_noise is not None:
        released = (*released, found.indicator_noise)
    own = epsilon({found.release: rounds}, DELTA)
    assert own == pytest.approx(composed(released, rounds), rel=1e-3)
    if found.seen_by_hub is not None:  # one of 5 updates has a share of 1 / 4 of the variance, and so has its indicator
        share = composed(tuple(one / 2 for one in released), rounds)
        assert epsilon({found.seen_by_hub: rounds}, DELTA) == pytest.approx(share, rel=1e-3)
