"""Extreme values of `spec.privacy` are refused with the field, the value and what to do."""

import re
from collections.abc import Callable
from math import inf, isfinite, nan
from pathlib import Path

import pytest
from federation_files import POLICY_B, write

from fedtrain.api.reading import Invalid, read_file
from fedtrain.privacy.accounting import AccountingError, Poisson, Release, epsilon, multiplier_for
from fedtrain.privacy.adaptive_clipping import next_bound, update_multiplier
from fedtrain.privacy.gaussian_noise import granularity, std_in_steps
from fedtrain.privacy.noise import noise_std, signal_to_noise
from fedtrain.privacy.noise_shares import noisy_norm_range, share_multiplier

FIXED, BUDGET = "{type: Fixed, norm: 1.0}", "{epsilon: 8, delta: 1e-5}"


def errors(folder: Path, block: str, **sections: str) -> str:
    uniform = {"aggregation": "  aggregation: {weights: Uniform}"}
    try:
        read_file(write(folder, **(uniform | sections), evaluation=f"  privacy: {block}"))
    except Invalid as invalid:
        return "\n".join(f"{'.'.join(map(str, one.path))}: {one.message} {one.fix}" for one in invalid.errors)
    return ""


def privacy(budget: str = BUDGET, clipping: str = FIXED, more: str = "", unit: str = "Participant") -> str:
    return f"{{unit: {unit}, budget: {budget}, clipping: {clipping}{more}}}"


EXTREMES = ("1.0e-300", "1.0e-160", "1.0e-20", "0", "-1", "1.0e+20", "1.0e+300", ".nan", ".inf", "-.inf")
"""Values that no field of the block may have."""
SMALL = "1.0e-9"
"""A value that only a delta may have."""


def extremes(field: str) -> tuple[str, ...]:
    return EXTREMES if field.endswith("delta") else (*EXTREMES, SMALL)


FIELDS: dict[str, dict[str, str]] = {
    # field below spec.privacy: how the block sets it
    "budget.epsilon": {"budget": "{epsilon: X, delta: 1e-5}"},
    "budget.delta": {"budget": "{epsilon: 8, delta: X}"},
    "noise.multiplier": {"more": ", noise: {type: Multiplier, multiplier: X}"},
    "clipping.norm": {"clipping": "{type: Fixed, norm: X}"},
    "clipping.adaptive.initialNorm": {"clipping": "{type: Adaptive, adaptive: {initialNorm: X}}"},
    "clipping.adaptive.targetQuantile": {"clipping": "{type: Adaptive, adaptive: {targetQuantile: X}}"},
    "clipping.adaptive.learningRate": {"clipping": "{type: Adaptive, adaptive: {learningRate: X}}"},
    "clipping.adaptive.indicatorNoise": {"clipping": "{type: Adaptive, adaptive: {indicatorNoise: X}}"},
}


@pytest.mark.parametrize("unit", ["Participant", "Example"])
@pytest.mark.parametrize("field", FIELDS)
def test_refuse_extremes_of_every_number_with_its_field_and_range(field: str, unit: str, tmp_path: Path) -> None:
    for value in extremes(field):
        block = {name: text.replace("X", value) for name, text in FIELDS[field].items()}
        found = errors(tmp_path, privacy(**block, unit=unit)).splitlines()
        assert any(
            line.startswith(f"spec.privacy.{field}: ") and "out of range. Use a number from" in line for line in found
        ), (value, found)


POLICY = {
    "privacy.minNoiseMultiplier": "{minNoiseMultiplier: X}",
    "privacy.maxEpsilon": "{maxEpsilon: X}",
    "privacy.delta": "{maxEpsilon: 8, delta: X}",
}


@pytest.mark.parametrize("field", POLICY)
def test_refuse_extremes_of_every_number_of_a_policy(field: str, tmp_path: Path) -> None:
    for value in extremes(field):
        policy = f"uri: b.jsonl}}], privacy: {POLICY[field].replace('X', value)}}}"
        file = write(tmp_path, **{"bank-b": POLICY_B.replace("uri: b.jsonl}]}", policy)})
        with pytest.raises(Invalid, match=rf"spec\.{field} .*out of range\. Use a number from"):
            read_file(file)


def test_refuse_a_norm_that_is_missing(tmp_path: Path) -> None:
    assert errors(tmp_path, privacy(clipping="{type: Fixed}")).startswith("spec.privacy.clipping")


NUMBERS = (1e-300, 1e-160, 1e-20, 0.0, -1.0, 1e20, 1e300, nan, inf)
CALLS: dict[str, Callable[[float], object]] = {
    "noise multiplier": lambda x: epsilon({Release(x): 3}, 1e-5),
    "noise multiplier with sampling": lambda x: epsilon({Release(x, Poisson(0.1)): 3}, 1e-5),
    "sampling probability": lambda x: epsilon({Release(1.0, Poisson(x)): 3}, 1e-5),
    "delta": lambda x: epsilon({Release(1.0): 3}, x),
    "delta with sampling": lambda x: epsilon({Release(1.0, Poisson(0.1)): 3}, x),
    "budget": lambda x: multiplier_for(x, 1e-5, 3),
    "budget's delta": lambda x: multiplier_for(8.0, x, 3),
    "share": lambda x: share_multiplier(x, 3),
    "share's norm": lambda x: noisy_norm_range(1.0, x, 100),
    "norm": lambda x: granularity(1.0, x),
    "norm of the noise": lambda x: noise_std(1.0, x, 3),
    "noise": lambda x: std_in_steps(x, 1.0, 100),
    "signal": lambda x: signal_to_noise(x, 3, 100),
    "adaptive norm": lambda x: next_bound(x, 0.5, 0.5, 0.2),
    "noisy fraction": lambda x: next_bound(1.0, x, 0.5, 0.2),
    "indicator noise": lambda x: update_multiplier(1.0, x),
}


@pytest.mark.parametrize("call", CALLS)
def test_functions_answer_extremes_with_a_number_or_in_words(call: str) -> None:
    """Never with the text of an arithmetic error, or a number that is none."""
    for number in NUMBERS:
        found = answer(CALLS[call], number)
        if isinstance(found, str):
            assert not re.search("Error|math domain|division|range error", found), number
            assert re.search("must be|Set |Raise|Lower|Use|is nan|is inf", found), number
        else:
            results = found if isinstance(found, tuple) else (found,)
            assert all(isinstance(one, float) and isfinite(one) for one in results), (number, found)


def answer(call: Callable[[float], object], number: float) -> object:
    try:
        return call(number)
    except (AccountingError, ValueError) as error:
        return str(error)


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        (
            {"budget": "{epsilon: 1e-4, delta: 1e-5}"},
            "spec.privacy.budget: The budget cannot be met. An epsilon of 0.0001 over",
        ),
        (
            {"budget": "{epsilon: 8, delta: 0.5}"},
            "spec.privacy.budget.delta: `delta` is 0.5, but must be less than 1/2 with 2 participants. Set it to a",
        ),
        (
            {"budget": "{epsilon: 1, delta: 1e-5}", "more": ", noise: {type: Multiplier, multiplier: 0.5}"},
            "spec.privacy.budget: The budget cannot be met. One round with noise multiplier 0.5 costs epsilon 10, ",
        ),
        (
            {"clipping": "{type: Adaptive, adaptive: {indicatorNoise: 0.01}}"},
            "spec.privacy.budget: The budget cannot be met. clipping.adaptive.indicatorNoise: ",
        ),
    ],
)
def test_refuse_what_no_useful_noise_meets(fields: dict[str, str], found: str, tmp_path: Path) -> None:
    assert errors(tmp_path, privacy(**fields)).startswith(found)


def test_one_participant_cannot_be_hidden_among_others(tmp_path: Path) -> None:
    """But its rows can."""
    one = {"participants": "  participants: [{name: bank-a}]", "rounds": "  rounds: {count: 3, minParticipants: 1}"}
    words = (
        "spec.privacy.unit: `unit` is Participant, but a round may have only one update. List at least 2 participants"
    )
    assert words in errors(tmp_path, privacy(), **one)
    assert "spec.privacy" not in errors(tmp_path, privacy(unit="Example"), **one)


@pytest.mark.parametrize("weights", ["Samples", "Fixed", "ValidationLoss"])
def test_refuse_other_weights_than_equal_ones(weights: str, tmp_path: Path) -> None:
    found = errors(tmp_path, privacy(), aggregation=f"  aggregation: {{weights: {weights}}}")
    assert (
        f"`weights` is {weights}, but `privacy.unit: Participant` needs equal weights. Set `weights: Uniform`." in found
    )


def test_accept_the_smallest_block(tmp_path: Path) -> None:
    assert errors(tmp_path, privacy()) == ""
