"""`fedtrain validate --cluster` with policies in the files: they judge the training as their participants would."""

import re
from pathlib import Path

import pytest
from cluster_files import OTHERS, TRAINING, validate
from mistake import Mistake, rows

POLICY = OTHERS.partition("---\n")[2].partition("---\n")[2]


PRIVATE = """\
  aggregation: {weights: Uniform}
  privacy:
    unit: Participant
    clipping: {type: Fixed, norm: 1.0}
    noise: {type: Multiplier, multiplier: 1.0}
    budget: {epsilon: 50, delta: 1e-5}
"""


REFUSING: list[tuple[str, str, str, str]] = [
    # the policy's fields, the place of the error, the rule's words, what the named line of the training has
    ("limits: {adapterRank: 2}", ":5:25: spec.limits.adapterRank", "the adapter has rank 4; the limit is 2", "rank: 4"),
    (
        "limits: {stepsPerRound: 4}",
        ":5:27: spec.limits.stepsPerRound",
        "trains 5 steps; the limit is 4",
        "length:",
    ),
    (
        "allow: {baseModels: [hub/*]}",
        ":5:11: spec.allow.baseModels",
        "'/models/base' is not allowed. Set `model.base` to one that matches `hub/*`",
        "base:",
    ),
    (
        "allow: {stores: [{bucket: b}]}",
        ":5:11: spec.allow.stores",
        "bucket federations of AWS, which is not allowed",
        "s3:",
    ),
    (
        "allow: {requesters: [{namespace: a}]}",
        ":5:11: spec.allow.requesters",
        "does not allow the training tickets of namespace team",
        "name: tickets",
    ),
    (
        "minimums: {participantsPerRound: 2}",
        ":5:36: spec.minimums.participantsPerRound",
        "rounds with 1 participant are accepted, but the policy requires 2",
        "rounds:",
    ),
]


@pytest.mark.parametrize(("fields", "place", "words", "asks"), REFUSING, ids=[one[0] for one in REFUSING])
def test_policies_in_the_files_judge_the_training(
    training: Path, others: Path, fields: str, place: str, words: str, asks: str
) -> None:
    training.write_text(TRAINING.replace("rounds: {count: 2}", "rounds: {count: 2, minParticipants: 1}"))
    others.write_text(f"{POLICY.replace('uri: /pods/big.jsonl}]}', 'uri: /pods/big.jsonl}],')}  {fields}}}\n")
    result = validate(training, others, "--cluster")
    assert result.exit_code == 1
    (error, _) = result.stderr.splitlines()
    assert error.startswith(f"{others}{place}")
    assert "(policy big): " in error
    assert words.lower() in error.lower()
    assert f", or ask the owner of big to change spec.{fields.partition(':')[0]}" in error
    line = re.search(rf" \({re.escape(str(training))}, line ([0-9]+)\), or", error)
    assert line is not None
    assert asks in training.read_text().splitlines()[int(line[1]) - 1]


def test_policies_that_require_privacy_give_one_error_at_the_training(training: Path, others: Path) -> None:
    demands = "privacy: {unit: Example, minNoiseMultiplier: 0.5, maxEpsilon: 4}"
    others.write_text(f"{POLICY.replace('uri: /pods/big.jsonl}]}', 'uri: /pods/big.jsonl}],')}  {demands}}}\n")
    (error, _) = validate(training, others, "--cluster").stderr.splitlines()
    assert error.startswith(f"{training}:4:1: spec.privacy: privacy is missing, but the policy of big ({others}, line ")
    assert "`privacy: {unit: Example, budget: {epsilon: 4, delta: 1e-5}, clipping: {type: Fixed, norm: 1}" in error


@pytest.mark.parametrize(
    "fields",
    [
        "limits: {adapterRank: 4, stepsPerRound: 5, nodes: 1}",
        "allow: {images: [registry/trainer@sha256:" + 64 * "0" + "]}",
        "minimums: {rowsPerRound: 500, participantsPerRound: 2}",
    ],
)
def test_rules_that_allow_the_training_or_depend_on_the_rows_report_no_error(
    training: Path, others: Path, fields: str
) -> None:
    others.write_text(f"{POLICY.replace('uri: /pods/big.jsonl}]}', 'uri: /pods/big.jsonl}],')}  {fields}}}\n")
    assert validate(training, others, "--cluster").exit_code == 0


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ("suspend: true", "wait (spec.suspend of its policy): the participant is suspended by its owner."),
        (
            "approval: Manual",
            "wait (spec.approval of its policy): the owner has not approved training team/tickets. As",
        ),
    ],
)
def test_policies_that_let_the_tasks_wait_are_named(training: Path, others: Path, fields: str, words: str) -> None:
    others.write_text(f"{POLICY.replace('uri: /pods/big.jsonl}]}', 'uri: /pods/big.jsonl}],')}  {fields}}}\n")
    result = validate(training, others, "--cluster")
    assert result.exit_code == 0
    assert f"warning: the tasks of big {words}" in result.stderr


def test_the_privacy_loss_of_all_rounds_counts(training: Path, others: Path) -> None:
    training.write_text(TRAINING + PRIVATE)
    for limit, code in ((7, 0), (6, 1)):
        policy = POLICY.replace("big.jsonl}]}", f"big.jsonl}}], privacy: {{maxEpsilon: {limit}}}}}")
        others.write_text(policy)
        result = validate(training, others, "--cluster")
        assert result.exit_code == code, result.stderr
    assert "all trainings on data set d with unit: Participant together spend epsilon" in result.stderr


def test_a_maximum_of_epsilon_allows_training_that_protects_rows(training: Path, others: Path) -> None:
    """The number of rows decides what a step costs, and it is not known here."""
    training.write_text(TRAINING + PRIVATE.replace("unit: Participant", "unit: Example"))
    others.write_text(POLICY.replace("big.jsonl}]}", "big.jsonl}], privacy: {unit: Example, maxEpsilon: 8}}"))
    result = validate(training, others, "--cluster")
    assert result.exit_code == 0, result.stderr


def test_the_privacy_that_a_policy_requires_is_accepted_by_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    policy = {"./a.jsonl}\n": "./a.jsonl}\n  privacy: {unit: Example, minNoiseMultiplier: 6, maxEpsilon: 8}\n"}
    many = {f"{who}.jsonl": rows(*(f"{who}{number}" for number in range(40))) for who in "ab"}
    Mistake("none", replace=policy, write=many).make(tmp_path)
    _, message = Mistake("none").message()
    noise = "noise: {type: Multiplier, multiplier: 6}"
    block = (
        f"privacy: {{unit: Example, budget: {{epsilon: 8, delta: 1e-5}}, clipping: {{type: Fixed, norm: 1}}, {noise}}}"
    )
    assert f"Add `{block}` to spec" in message
    Mistake("none", replace={**policy, "  aggregation:": f"  {block}\n  aggregation:"}, write=many).make(tmp_path)
    code, message = Mistake("none").message()
    assert code == 0, message
