"""`fedtrain validate --cluster`: a file as a cluster judges it, whose policies are objects of their own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from cluster_files import OTHERS, TRAINING, validate

from fedtrain.cli.main import main

QUICKSTART = Path(__file__).parents[3] / "examples/quickstart"
VALID = "is valid on a cluster: tickets, 2 participants (big, small), 2 rounds, FedAvg."


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
        "Use an absolute path inside the pods, `s3://bucket/prefix`, or a model id on Hugging Face.",
        f"{training}:12:11: spec.storage.type: `type` is File, but on a cluster the ledger must be in "
        "a bucket. Set `storage.type: S3` and `storage.s3.bucket`, and remove `storage.file`.",
        f"2 errors in {training}.",
    ]


def test_storage_that_the_file_leaves_out_is_a_folder(training: Path) -> None:
    training.write_text(TRAINING.partition("  storage:")[0])
    assert f"{training}:4:1: spec.storage.type: `type` is File" in validate(training, "--cluster").stderr


def test_a_participant_that_does_not_take_part_says_so(training: Path, others: Path) -> None:
    others.write_text(OTHERS.replace("[team]", "[others]"))
    result = validate(training, others, "--cluster")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[0] == (
        f"{training}:3:38: metadata.namespace: Participant big does not allow namespace team (allowed: others). "
        "Use an allowed namespace, or ask the hub's administrator to add team to `allowedNamespaces` of "
        "Participant big."
    )


@pytest.mark.parametrize(
    ("content", "documents"),
    [
        (OTHERS[OTHERS.index("---") :], "ParticipantPolicy big and Participant big"),
        (OTHERS, "ParticipantPolicy big and Participant big"),
    ],
)
def test_files_without_a_training_are_checked_alone(others: Path, content: str, documents: str) -> None:
    others.write_text(content)
    result = validate(others, "--cluster")
    assert result.exit_code == 0, result.output
    assert result.stdout == (
        f"{others} is valid on a cluster: {documents}.\nnot checked: a training with them. To check one, name its "
        f"file first: `fedtrain validate federation.yaml {others} --cluster`\n"
    )


def test_a_policy_alone_is_probably_for_a_cluster(others: Path) -> None:
    others.write_text(OTHERS.partition("---\n")[2])
    result = validate(others)
    assert "does not exist" in result.stderr
    assert f"hint: to check a file for a cluster, run `fedtrain validate {others} --cluster`" in result.stderr
    others.write_text(others.read_text().replace("/pods/", "./"))
    assert "hint" not in validate(others, "--cluster").stderr


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
    assert error["fix"] == "Use an absolute path inside the pods, `s3://bucket/prefix`, or a model id on Hugging Face."


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
    assert "files are given, but a run on this machine reads one" in result.stderr


def test_it_needs_none_of_the_operators_libraries(training: Path) -> None:
    program = (
        "import sys; from fedtrain.cli.main import main\n"
        "main(['validate', sys.argv[1], '--cluster'], standalone_mode=False)\n"
        "print([name for name in ('torch', 'kopf', 'aiohttp', 'boto3', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program, str(training)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
