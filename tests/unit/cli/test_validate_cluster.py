"""`fedtrain validate --cluster`: a file as a cluster judges it, whose policies are objects of their own."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fedtrain.cli.main import main

QUICKSTART = Path(__file__).parents[3] / "examples/quickstart"
TRAINING = """\
apiVersion: fedtrain.dev/v1alpha1
kind: FederatedTraining
metadata: {name: tickets, namespace: team}
spec:
  model: {base: /models/base, adapter: {rank: 4}}
  data: {dataset: d, format: Text}
  participants: [{name: big}, {name: small}]
  rounds: {count: 2}
  training: {length: {type: Steps, steps: 5}}
  evaluation: {hub: {data: {uri: /pods/test.jsonl}}}
  storage:
    type: S3
    s3: {bucket: federations}
"""
OTHERS = """\
apiVersion: v1
kind: Namespace
metadata: {name: at-big}
---
apiVersion: fedtrain.dev/v1alpha1
kind: Participant
metadata: {name: big}
spec: {namespace: at-big, allowedNamespaces: [team]}
---
apiVersion: fedtrain.dev/v1alpha1
kind: ParticipantPolicy
metadata: {name: big}
spec: {datasets: [{name: d, uri: /pods/big.jsonl}]}
"""
VALID = "is valid on a cluster: tickets, 2 participants (big, small), 2 rounds, FedAvg."


@pytest.fixture
def training(tmp_path: Path) -> Path:
    (tmp_path / "training.yaml").write_text(TRAINING)
    return tmp_path / "training.yaml"


@pytest.fixture
def others(tmp_path: Path) -> Path:
    (tmp_path / "others.yaml").write_text(OTHERS)
    return tmp_path / "others.yaml"


def validate(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["validate", *map(str, arguments)])


def test_what_no_file_has_the_cluster_must(training: Path) -> None:
    result = validate(training, "--cluster")
    assert (result.exit_code, result.stdout) == (0, f"{training} {VALID}\n")
    assert result.stderr.splitlines() == [
        "note: no file has the Participant of big, small; the cluster must have it",
        "note: no file has the ParticipantPolicy of big, small; the cluster must have it",
    ]


def test_further_files_are_judged_with_it(training: Path, others: Path) -> None:
    result = validate(training, others, "--cluster")
    assert (result.exit_code, result.stdout) == (0, f"{training} {VALID}\n")
    assert "ParticipantPolicy of small; " in result.stderr
    others.write_text(OTHERS.replace("name: d,", "name: e,"))
    result = validate(training, others, "--cluster")
    assert result.exit_code == 1
    assert (
        "spec.datasets[0].name (policy big): This policy has no data set d, which the training uses "
        "(spec.data.dataset); it has e. Write `name: d` here" in result.stderr
    )
    assert result.stderr.endswith(f"1 error in {others}.\n"), "small's policy is the cluster's"


def test_the_quickstarts_files_are_valid_on_a_cluster() -> None:
    files = [QUICKSTART / "kubernetes/federation.yaml", QUICKSTART / "kubernetes/participants.yaml"]
    for given in (files[:1], files):
        assert validate(*given, "--cluster").exit_code == 0
    assert validate(*files, "--cluster").stderr == ""


def test_all_other_errors_have_their_lines(training: Path) -> None:
    training.write_text(TRAINING.replace("count: 2", "count: 2, minParticipants: 5").replace("Text", "text"))
    result = validate(training, "--cluster")
    assert result.exit_code == 1
    assert f'{training}:6:30: spec.data.format: "text" is not a valid value.' in result.stderr
    assert "8:39: spec.rounds.minParticipants: minParticipants is 5, but participants lists only 2." in result.stderr
    assert result.stderr.endswith(f"2 errors in {training}.\n")


def test_a_refusal_of_the_operator_has_its_line(training: Path) -> None:
    local = TRAINING.replace("/models/base", "./base").replace("type: S3", "type: File")
    training.write_text(local.replace("s3: {bucket: federations}", "file: {path: ./runs}"))
    assert validate(training, "--cluster").stderr.splitlines() == [
        f"{training}:5:17: spec.model.base: ./base is a relative path, which pods cannot resolve. "
        "Use an absolute path inside the pods, s3://bucket/prefix, or a model id.",
        f"{training}:12:11: spec.storage.type: type is File, but on a cluster the ledger must be in "
        "a bucket. Set type: S3 and s3.bucket.",
        f"2 errors in {training}.",
    ]


def test_storage_that_the_file_leaves_out_is_a_folder(training: Path) -> None:
    training.write_text(TRAINING.partition("  storage:")[0])
    assert f"{training}:4:1: spec.storage.type: type is File" in validate(training, "--cluster").stderr


def test_a_participant_that_does_not_take_part_says_so(training: Path, others: Path) -> None:
    others.write_text(OTHERS.replace("[team]", "[others]"))
    result = validate(training, others, "--cluster")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[0] == (
        f"{training}:3:38: metadata.namespace: Participant big does not allow namespace team (allowed: others). "
        "Use an allowed namespace, or add team to spec.allowedNamespaces of Participant big."
    )


@pytest.mark.parametrize("content", [OTHERS.partition("---")[0], OTHERS])
def test_files_without_a_training(others: Path, content: str) -> None:
    others.write_text(content)
    result = validate(others, "--cluster")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[0] == (
        f"{others}: No document is of kind FederatedTraining. Add the file with the training."
    )


def test_two_trainings_in_two_files(training: Path, others: Path) -> None:
    others.write_text(TRAINING)
    assert validate(training, others, "--cluster").stderr.splitlines() == [
        f"{others}:2:7: kind: There are two FederatedTrainings in these files. Check one at a time.",
        f"1 error in {others}.",
    ]


def test_a_data_file_instead_of_a_federation(tmp_path: Path) -> None:
    rows = tmp_path / "zoo.jsonl"
    rows.write_text('{"text": "a"}\n{"text": "b"}\n')
    assert validate(rows, "--cluster").stderr.splitlines()[0] == (
        f"{rows}:2:1: Not a YAML file. If it is a data file, name the federation's YAML file instead."
    )


def test_programs_get_the_same_as_json(training: Path) -> None:
    assert json.loads(validate(training, "--cluster", "-o", "json").stdout)["valid"] is True
    training.write_text(TRAINING.replace("/models/base", "./base"))
    (error,) = json.loads(validate(training, "--cluster", "-o", "json").stdout)["errors"]
    assert (error["line"], error["path"], error["value"]) == (5, "spec.model.base", "./base")
    assert error["fix"] == "Use an absolute path inside the pods, s3://bucket/prefix, or a model id."


@pytest.mark.parametrize("command", ["validate", "plan", "run"])
def test_what_is_for_one_machine_hints_at_the_option_for_a_file_for_a_cluster(command: str) -> None:
    file = QUICKSTART / "kubernetes/federation.yaml"
    result = CliRunner().invoke(main, [command, str(file)])
    assert result.exit_code == 1
    *errors, hint = result.stderr.splitlines()
    assert errors[-1] == f"4 errors in {file}."
    assert hint == f"hint: to check a file for a cluster, run `fedtrain validate {file} --cluster`"


def test_a_missing_policy_beside_others_is_an_error(training: Path, others: Path) -> None:
    training.write_text(f"{TRAINING}---\n{OTHERS.partition('---')[2]}")
    result = validate(training)
    assert "This file has no ParticipantPolicy small (only big), which declares where small's data is." in result.stderr
    assert "hint" not in result.stderr


@pytest.mark.parametrize("content", ["kind: [FederatedTraining]", "kind: {a: b}", "kind: FederatedTraining"])
def test_a_file_without_participants_is_an_error(training: Path, content: str) -> None:
    training.write_text(f"apiVersion: fedtrain.dev/v1alpha1\n{content}\n")
    result = validate(training)
    assert isinstance(result.exception, SystemExit)
    assert f"{training}:" in result.stderr
    assert "hint" not in result.stderr


def test_a_file_is_read_once_for_it_may_be_a_pipe() -> None:
    file = QUICKSTART / "kubernetes/federation.yaml"
    program = Path(sys.executable).parent / "fedtrain"
    done = subprocess.run(
        [program, "validate", "/dev/stdin"], input=file.read_text(), capture_output=True, text=True, check=False
    )
    assert "4 errors in /dev/stdin." in done.stderr
    assert "--cluster" in done.stderr.splitlines()[-1]


def test_one_machine_reads_one_file(training: Path, others: Path) -> None:
    result = validate(training, others)
    assert result.exit_code == 2
    assert "Several files need --cluster" in result.stderr


def test_it_needs_none_of_the_operators_libraries(training: Path) -> None:
    program = (
        "import sys; from fedtrain.cli.main import main\n"
        "main(['validate', sys.argv[1], '--cluster'], standalone_mode=False)\n"
        "print([name for name in ('torch', 'kopf', 'aiohttp', 'boto3', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program, str(training)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


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
    ("limits: {stepsPerRound: 4}", ":5:27: spec.limits.stepsPerRound", "it trains 5 steps; the limit is 4", "length:"),
    (
        "allow: {baseModels: [hub/*]}",
        ":5:11: spec.allow.baseModels",
        "'/models/base' is not allowed. Use one of hub/*",
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
        "team/tickets is not allowed",
        "name: tickets",
    ),
    (
        "minimums: {participantsPerRound: 3}",
        ":5:36: spec.minimums.participantsPerRound",
        "aggregates 2 updates or more; the minimum is 3",
        "rounds:",
    ),
    ("privacy: {unit: Example}", ":5:19: spec.privacy.unit", "the training promises no privacy", "spec:"),
]


@pytest.mark.parametrize(("fields", "place", "words", "asks"), REFUSING, ids=[one[0] for one in REFUSING])
def test_policies_in_the_files_judge_the_training(
    training: Path, others: Path, fields: str, place: str, words: str, asks: str
) -> None:
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
