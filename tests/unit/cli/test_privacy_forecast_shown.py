"""What a private run will cost is said before it runs: by `validate` and `plan`, for rows and for participants. They
refuse a run whose first round too few participants can afford."""

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
    said = accepted(command, tmp_path, {PRIVACY: block, "weights: Samples": f"weights: {weights}"})
    assert cost in said
    assert signal in said
    assert "note: Warning" not in said


def test_steps_that_sample_from_all_rows_have_no_slice_to_cover(tmp_path: Path) -> None:
    """More steps would cost budget, and unit Example refuses smaller slices."""
    assert "do not cover the slice" not in accepted("plan", tmp_path, {})
    plain = {PRIVACY: PARTICIPANTS, "weights: Samples": "weights: Uniform"}
    assert "do not cover the slice" in accepted("plan", tmp_path, plain)


@pytest.mark.parametrize("command", ["validate", "plan"])
def test_refuse_a_budget_that_too_few_participants_can_spend_on_one_round(command: str, tmp_path: Path) -> None:
    """minParticipants is 3; each participant has about 1,890 rows."""
    noise = {"{type: Budget}": "{type: Multiplier, multiplier: 0.5}", "epsilon: 8": "epsilon: 2"}
    place, _, said = refused(command, tmp_path, noise).partition(": spec.privacy.noise.multiplier: ")
    line = (tmp_path / "federation.yaml").read_text().splitlines()[int(place.split(":")[1]) - 1]
    assert line.lstrip().startswith("noise: {type: Multiplier, multiplier: 0.5}")
    assert said.startswith(
        "0 of 4 participants can take part in a round, but rounds.minParticipants is 3. zoo, museum, botanic-garden "
        "and 1 more: one round (4 steps) costs epsilon "
    )
    terms = "delta 1e-05, unit Example, row added or removed, participant adds noise, PLD"
    assert f", and the budget is 2 ({terms}). Set `noise.multiplier: " in said
    enough = said.partition("`noise.multiplier: ")[2].partition("`")[0]
    noise["{type: Budget}"] = f"{{type: Multiplier, multiplier: {enough}}}"
    assert "sits out the rest" not in accepted(command, tmp_path, noise)


def test_refuse_owners_limits_that_leave_too_few_participants(tmp_path: Path) -> None:
    """With 2 or 10,000 rows, the limits would not be what refuses the training."""
    noise = {"{type: Budget}": "{type: Multiplier, multiplier: 0.8}"}
    limits = {f"data/{who}.jsonl}}": f"data/{who}.jsonl}}\n  privacy: {{maxEpsilon: 1}}" for who in ("zoo", "museum")}
    fix = "Lower `budget.epsilon` or `training.length`, or ask the owner to raise `privacy.maxEpsilon`."
    assert fix in refused("validate", tmp_path, limits)  # the budget finds the multiplier
    said = refused("validate", tmp_path, noise | limits)
    assert (
        "2 of 4 participants can take part in a round, but rounds.minParticipants is 3. zoo, museum: 4 steps with "
        "noise multiplier 0.8 spend epsilon 4.2"
    ) in said
    terms = "delta 1e-05, unit Example, row added or removed, participant adds noise, PLD"
    assert (
        f"and its policy's privacy.maxEpsilon is 1 ({terms}). Raise `noise.multiplier`, or lower `training.length`"
        in said
    )
    assert "ask the owner to raise `privacy.maxEpsilon`." in said
    del limits["data/zoo.jsonl}"]
    said = accepted("validate", tmp_path, noise | limits)
    assert "warning: museum cannot take part: 4 steps with noise multiplier 0.8 spend epsilon 4.2" in said


ROWS = PRIVACY.replace("{type: Budget}", "{type: Multiplier, multiplier: 2.0}")


@pytest.mark.parametrize(("block", "of"), [(ROWS, "the 1,8"), (PARTICIPANTS, "4 participants")])
def test_warn_of_a_delta_that_is_close_to_one_over_the_number_of_units(block: str, of: str, tmp_path: Path) -> None:
    large = {PRIVACY: block.replace("delta: 1e-5", "delta: 3e-4" if block is ROWS else "delta: 0.03")}
    weights = {} if block is ROWS else {"weights: Samples": "weights: Uniform"}
    said = accepted("validate", tmp_path, large | weights)
    assert f"which is large for {of}" in said
    assert "Set it to 1e-05 or less." in said
    assert "which is large" not in accepted("validate", tmp_path, {PRIVACY: block} | weights)


def written(folder: Path, changes: dict[str, str]) -> Path:
    """The private example with changes, over the quickstart's model and data."""
    text = EXAMPLE.read_text()
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    for place in ("base", "data"):
        text = text.replace(f"../quickstart/{place}", str(EXAMPLE.parents[1] / "quickstart" / place))
    (folder / "federation.yaml").write_text(text)
    return folder / "federation.yaml"


def accepted(command: str, folder: Path, changes: dict[str, str]) -> str:
    shown = CliRunner().invoke(main, [command, str(written(folder, changes))])
    assert shown.exit_code == 0, shown.output
    return " ".join(shown.output.split())


def refused(command: str, folder: Path, changes: dict[str, str]) -> str:
    done = CliRunner().invoke(main, [command, str(written(folder, changes))])
    assert (done.exit_code, done.stdout) == (1, "")
    return done.stderr
