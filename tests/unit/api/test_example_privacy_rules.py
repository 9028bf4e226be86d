"""Each rule on `privacy.unit: Example` refuses what it names; what it does not name is accepted."""

from pathlib import Path

import pytest
from federation_files import write

from fedtrain.api.reading import Invalid, read_file

PRIVACY = "{unit: Example, budget: {epsilon: 8, delta: 1e-5}, clipping: {type: Fixed, norm: 1.0}}"
STEPS = "length: {type: Steps, steps: 5}"


def errors(folder: Path, privacy: str = PRIVACY, **sections: str) -> list[str]:
    more = sections.pop("evaluation", "")
    try:
        read_file(write(folder, **sections, evaluation=f"  privacy: {privacy}{more}"))
    except Invalid as invalid:
        return [f"{'.'.join(map(str, error.path))}: {error.message} {error.fix}" for error in invalid.errors]
    return []


@pytest.mark.parametrize(
    ("field", "sections", "fix"),
    [
        (
            "aggregation.weights",
            {"aggregation": "  aggregation: {weights: ValidationLoss}"},
            "Set `weights: Samples`, `weights: Uniform`",
        ),
        (
            "evaluation.participants",
            {"evaluation": "\n  evaluation: {participants: {metrics: [{name: loss, type: Loss}]}}"},
            "Remove it; `evaluation.hub` can measure the adapters",
        ),
        ("training.keep", {"training": f"  training: {{{STEPS}, keep: Best}}"}, "Set `keep: Last`."),
        (
            "training.precision",
            {"training": f"  training: {{{STEPS}, precision: FP16}}"},
            "Set `precision: BF16`, `precision: FP32` or `precision: Auto`.",
        ),
        (
            "training.precision",
            {"participants": "  participants: [{name: bank-a}, {name: bank-b, training: {precision: FP16}}]"},
            "Set `precision: BF16`, `precision: FP32` or `precision: Auto`.",
        ),
        (
            "training.gradientCheckpointing",
            {"training": f"  training: {{{STEPS}, gradientCheckpointing: Enabled}}"},
            "Set it to `Auto` or `Disabled`",
        ),
        (
            "privacy.clipping.type",
            {"privacy": PRIVACY.replace("type: Fixed, norm: 1.0", "type: Adaptive")},
            "norm: 1.0",
        ),
        (
            "privacy.clipping.location",
            {"privacy": PRIVACY.replace("norm: 1.0", "norm: 1.0, location: Client")},
            "Remove this `location`",
        ),
        (
            "privacy.noise.location",
            {"privacy": PRIVACY[:-1] + ", noise: {type: Budget, location: Client}}"},
            "Remove this `location`",
        ),
    ],
)
def test_refuse_what_example_privacy_excludes(field: str, sections: dict[str, str], fix: str, tmp_path: Path) -> None:
    needs_validation = {"data": "  data: {dataset: tickets, format: PromptCompletion, validationFraction: 0.5}"}
    found = [error for error in errors(tmp_path, **(needs_validation | sections)) if error.startswith(f"spec.{field}:")]
    assert len(found) == 1
    assert fix in found[0]


def test_accept_example_privacy_with_weights_by_samples_and_one_participant_per_round(tmp_path: Path) -> None:
    assert errors(tmp_path, rounds="  rounds: {count: 3, minParticipants: 1}") == []
    bound = "  aggregation: {maxUpdateNorm: {type: Absolute, norm: 5.0}}"
    assert errors(tmp_path, aggregation=bound) == []
