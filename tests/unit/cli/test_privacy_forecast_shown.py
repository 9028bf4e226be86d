"""What a private run will cost is said before it runs: by `validate` and `plan`, for rows and for participants."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from fedtrain.cli.main import main

EXAMPLE = Path(__file__).parents[3] / "examples/private/federation.yaml"
PRIVACY = EXAMPLE.read_text().partition("  privacy:\n")[2].partition("  evaluation:")[0]
PARTICIPANTS = """\
    unit: Participant
    budget: {epsilon: 1000, delta: 1e-5}
    noise: {type: Multiplier, multiplier: 1.0}
    clipping: {type: Fixed, norm: 0.1}
"""


@pytest.mark.parametrize("command", ["validate", "plan"])
@pytest.mark.parametrize(
    ("block", "weights", "cost", "signal"),
    [
        (
            PRIVACY,
            "Samples",
            "epsilon 8 of 8 at delta 1e-05; protects one row",
            "may be 1.17 times as large as the noise",
        ),
        (
            PARTICIPANTS,
            "Uniform",
            "protects all data of one participant",
            "as large as the largest possible mean update",
        ),
    ],
    ids=["rows", "participants"],
)
def test_epsilon_and_signal_to_noise_are_shown_before_a_run(
    command: str, block: str, weights: str, cost: str, signal: str, tmp_path: Path
) -> None:
    text = EXAMPLE.read_text().replace(PRIVACY, block).replace("weights: Samples", f"weights: {weights}")
    for folder in ("base", "data"):
        text = text.replace(f"../quickstart/{folder}", str(EXAMPLE.parents[1] / "quickstart" / folder))
    (tmp_path / "federation.yaml").write_text(text)
    shown = CliRunner().invoke(main, [command, str(tmp_path / "federation.yaml")])
    assert shown.exit_code == 0, shown.output
    said = " ".join(shown.output.split())
    assert cost in said
    assert signal in said
