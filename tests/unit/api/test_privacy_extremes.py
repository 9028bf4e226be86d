"""Extreme values of `spec.privacy` are refused with the field, the value and what to do."""

from pathlib import Path

import pytest
from federation_files import write

from fedtrain.api.reading import Invalid, read_file

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


@pytest.mark.parametrize("unit", ["Participant", "Example"])
@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"budget": "{epsilon: 0, delta: 1e-5}"}, "spec.privacy.budget.epsilon: "),
        ({"budget": "{epsilon: -1, delta: 1e-5}"}, "spec.privacy.budget.epsilon: "),
        ({"budget": "{epsilon: .nan, delta: 1e-5}"}, "spec.privacy.budget.epsilon: "),
        ({"budget": "{epsilon: .inf, delta: 1e-5}"}, "spec.privacy.budget.epsilon: "),
        ({"budget": "{epsilon: 8, delta: 0}"}, "spec.privacy.budget.delta: "),
        ({"budget": "{epsilon: 8, delta: 1}"}, "spec.privacy.budget.delta: "),
        ({"clipping": "{type: Fixed, norm: 0}"}, "spec.privacy.clipping.norm: "),
        ({"clipping": "{type: Fixed, norm: -1}"}, "spec.privacy.clipping.norm: "),
        ({"clipping": "{type: Fixed}"}, "spec.privacy.clipping"),
        ({"more": ", noise: {type: Multiplier, multiplier: 0}"}, "spec.privacy.noise.multiplier: "),
    ],
)
def test_refuse_numbers_outside_their_range(fields: dict[str, str], found: str, unit: str, tmp_path: Path) -> None:
    assert errors(tmp_path, privacy(**fields, unit=unit)).startswith(found)


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        (
            {"budget": "{epsilon: 1e-9, delta: 1e-5}"},
            "spec.privacy.budget: The budget cannot be met. An epsilon of 1e-09 over",
        ),
        (
            {"budget": "{epsilon: 8, delta: 0.5}"},
            "spec.privacy.budget.delta: delta is 0.5, but must be less than 1/2 with 2 participants. Set it to a much",
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
    words = "spec.privacy.unit: unit is Participant, but a round may have only one update. List at least 2 participants"
    assert words in errors(tmp_path, privacy(), **one)
    assert "spec.privacy" not in errors(tmp_path, privacy(unit="Example"), **one)


@pytest.mark.parametrize("weights", ["Samples", "Fixed", "ValidationLoss"])
def test_refuse_other_weights_than_equal_ones(weights: str, tmp_path: Path) -> None:
    found = errors(tmp_path, privacy(), aggregation=f"  aggregation: {{weights: {weights}}}")
    assert f"weights is {weights}, but privacy.unit: Participant needs equal weights. Set weights: Uniform." in found


def test_accept_the_smallest_block(tmp_path: Path) -> None:
    assert errors(tmp_path, privacy()) == ""
