import json
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner
from valid_base import write_base

from fedtrain.cli.main import main
from tests.support.outputs import check_output

QUICKSTART = Path(__file__).parents[3] / "examples/quickstart/federation.yaml"

GOOD = """\
apiVersion: fedtrain.dev/v1alpha1
kind: FederatedTraining
metadata:
  name: answers
spec:
  model:
    {base: ./base, adapter: {rank: 8}}
  data:
    dataset: tickets
    format: Text
  participants:
    - name: bank-a
  rounds:
    count: 1
    minParticipants: 1
  training:
    length: {type: Steps, steps: 5}
    batchSize: 1
---
apiVersion: fedtrain.dev/v1alpha1
kind: ParticipantPolicy
metadata:
  name: bank-a
spec:
  datasets:
    - {name: tickets, uri: a.jsonl}
"""


def write(folder: Path, text: str) -> str:
    write_base(folder / "base")
    (folder / "a.jsonl").write_text('{"text": "t"}\n{"text": "u"}\n')
    (folder / "federation.yaml").write_text(text)
    return str(folder / "federation.yaml")


def test_a_valid_file_gets_one_line_that_says_what_was_understood(tmp_path: Path):
    file = write(tmp_path, GOOD)
    result = CliRunner().invoke(main, ["validate", file])
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith(f"{file} is valid: answers, 1 participant (bank-a), 1 round, FedAvg.\n")


def test_errors_go_to_stderr_by_line_with_their_count_and_exit_code_1(tmp_path: Path):
    file = write(tmp_path, GOOD.replace("minParticipants: 1", "minParticipants: 5").replace("Text", "text"))
    result = CliRunner().invoke(main, ["validate", file])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [
        f'{file}:10:13: spec.data.format: "text" is not a valid value. Did you mean `Text`?',
        f"{file}:15:22: spec.rounds.minParticipants: minParticipants is 5, but participants lists only 1. "
        "Set it to 1 or less.",
        f"2 errors in {file}.",
    ]


def test_programs_get_json_of_errors(tmp_path: Path):
    file = write(tmp_path, GOOD.replace("count: 1", "count: .nan"))
    result = CliRunner().invoke(main, ["validate", file, "-o", "json"])
    assert result.exit_code == 1
    printed = json.loads(result.stdout)
    check_output("validate", printed)
    assert printed == {
        "valid": False,
        "errors": [
            {
                "file": file,
                "line": 14,
                "column": 12,
                "path": "spec.rounds.count",
                "value": ".nan",
                "message": ".nan is not a whole number.",
                "fix": "Use a whole number from 1 to 10000.",
            }
        ],
        "warnings": [],
        "facts": [],
    }


def test_programs_get_json_of_a_valid_file(tmp_path: Path):
    result = CliRunner().invoke(main, ["validate", write(tmp_path, GOOD), "-o", "json"])
    shown = json.loads(result.stdout)
    check_output("validate", shown)
    assert len(shown.pop("facts")) == 2
    assert shown == {
        "valid": True,
        "errors": [],
        "warnings": [],
        "name": "answers",
        "participants": ["bank-a"],
        "rounds": 1,
        "strategy": "FedAvg",
    }


def test_a_participant_that_is_listed_twice_gets_one_error(tmp_path: Path):
    twice = GOOD.replace("    - name: bank-a\n", "    - name: bank-a\n    - name: bank-a\n").replace(
        "metadata:\n  name: bank-a", "metadata:\n  name: bank-b"
    )
    result = CliRunner().invoke(main, ["validate", write(tmp_path, twice)])
    assert "Participant bank-a is listed twice. Remove this one, or give it another `name`." in result.stderr
    assert result.stderr.splitlines()[-1].startswith("1 error in ")


def test_a_missing_file_is_an_error_without_traceback(tmp_path: Path):
    result = CliRunner().invoke(main, ["validate", str(tmp_path / "no.yaml")])
    assert result.exit_code == 1
    assert "The file does not exist" in result.stderr
    assert "Traceback" not in result.output


def test_validating_imports_nothing_heavy():
    heavy = "{'torch', 'transformers', 'boto3', 'numpy', 'rich', 'safetensors'}"
    code = (
        "import sys\nfrom fedtrain.cli.main import main\n"
        f"main(['validate', {str(QUICKSTART)!r}], standalone_mode=False)\n"
        f"print(sorted({heavy} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "quickstart, 4 participants" in done.stdout
