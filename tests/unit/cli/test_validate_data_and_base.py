"""`fedtrain validate` checks rows and the base model without torch, and shows all problems at once."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, pre_tokenizers
from valid_base import CHATML, SHAPES, write_base

from fedtrain.cli.main import main
from fedtrain.contracts.digests import digest_file

FILE = """\
apiVersion: fedtrain.dev/v1alpha1
kind: FederatedTraining
metadata: {{name: answers}}
spec:
  model: {{base: ./base, adapter: {{rank: 2, targetModules: {targets}}}}}
  data: {{dataset: tickets, format: {format}, maxLength: {length}, validationFraction: 0.5}}
  participants: [{{name: bank-a}}, {{name: bank-b}}]
  rounds: {{count: 1}}
  training: {{length: {{type: Steps, steps: 5}}}}
  evaluation: {{hub: {{data: {{uri: ./test.jsonl}}}}}}
---
{{apiVersion: fedtrain.dev/v1alpha1, kind: ParticipantPolicy, metadata: {{name: bank-a}},
  spec: {{datasets: [{{name: tickets, uri: ./a.jsonl}}]}}}}
---
{{apiVersion: fedtrain.dev/v1alpha1, kind: ParticipantPolicy, metadata: {{name: bank-b}},
  spec: {{datasets: [{{name: tickets, uri: ./b.jsonl}}]}}}}
"""
SECRET = "Patient4711"


def texts(*words: str) -> list[dict[str, Any]]:
    return [{"text": word} for word in words]


def federation(
    folder: Path,
    a: list[dict[str, Any]] | None = None,
    b: list[dict[str, Any]] | None = None,
    test: list[dict[str, Any]] | None = None,
    *,
    format: str = "Text",
    targets: str = "{type: AllLinear}",
    length: int = 512,
) -> Path:
    write_base(folder / "base")
    for name, rows in (("a", a or texts("one")), ("b", b or texts("two")), ("test", test or texts("three"))):
        (folder / f"{name}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    (folder / "federation.yaml").write_text(FILE.format(format=format, targets=targets, length=length))
    return folder / "federation.yaml"


def validate(file: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["validate", str(file), *options])


def errors(file: Path, *options: str) -> list[str]:
    result = validate(file, *options)
    assert (result.exit_code, result.stdout) == (1, "")
    return result.stderr.splitlines()[:-1]


def warnings(file: Path, *options: str) -> list[str]:
    result = validate(file, *options)
    assert result.exit_code == 0, result.stderr
    return [line.removeprefix("warning: ") for line in result.stderr.splitlines()]


def test_facts_about_rows_and_base_follow_the_first_line(tmp_path: Path) -> None:
    result = validate(federation(tmp_path))
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[1:] == [
        "rows: 3 checked in 3 data sets",
        "base model: llama, 456 parameters, context 2,048 tokens; adapter 80 parameters on q_proj, up_proj: "
        "100% of the linear parameters",
    ]


def test_all_faults_of_rows_are_shown_with_file_and_line_and_no_value(tmp_path: Path) -> None:
    file = federation(tmp_path)
    (tmp_path / "a.jsonl").write_text(f'{{"text": "a"}}\n{{"text": ["{SECRET}"]}}\n{SECRET}\n{{"text": ""}}\n')
    (tmp_path / "b.jsonl").write_text(f'{{"{SECRET}": 1}}\n')
    (tmp_path / "test.jsonl").write_bytes("{'text'}\n".encode("utf-16"))
    found = errors(file)
    assert [line.rstrip() for line in found] == [
        'a.jsonl:2: participant bank-a: Field "text" must be text, not a list. Write text, or delete the row.',
        "a.jsonl:3:1: participant bank-a: Not valid JSON: expected a value. "
        "Write text in double quotes, a number, true, false or null here.",
        'a.jsonl:4: participant bank-a: Field "text" is empty, so there is nothing to learn. Delete the row.',
        'b.jsonl:1: participant bank-b: Field "text" is missing; the format Text needs {text}. Add it to '
        "this row; if no row has it, set its name in data.fields.",
        "test.jsonl: evaluation.hub: The file is UTF-16. Save it as UTF-8.",
    ]
    assert SECRET not in "".join(found)


def test_one_row_without_the_field_is_not_a_reason_to_rename_the_fields_of_all(tmp_path: Path) -> None:
    file = federation(tmp_path)
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n{"text": "b"}\n{"txt": "c"}\n')
    assert [line.rstrip() for line in errors(file)] == [
        'a.jsonl:3: participant bank-a: Field "text" is missing; the format Text needs {text}. '
        "Add the field to this row, or delete the row."
    ]


@pytest.mark.parametrize(
    ("format", "content", "advice"),
    [
        (
            "PromptCompletion",
            "Question;Answer\na;b\nc;d\n",
            "and the rows have Question, Answer. Write `fields: {prompt: Question, completion: Answer}` in spec.data.",
        ),
        (
            "PromptCompletion",
            "instruction,output\na,b\n",
            "and the rows have instruction, output. Write `format: Instruction` in spec.data",
        ),
        ("Text", "first,second\na,b\n", "and the rows have first, second. Write `fields: {text: first}` in spec.data."),
        ("Text", f"{'a long first row ' * 3},b\nc,d\n", "If the first line is not a header, add one: text."),
    ],
)
def test_the_columns_of_a_table_are_named_with_the_fields_to_set(
    format: str, content: str, advice: str, tmp_path: Path
) -> None:
    file = federation(tmp_path, format=format)
    (tmp_path / "a.csv").write_text(content)
    file.write_text(file.read_text().replace("./a.jsonl", "./a.csv"))
    (first,) = [line for line in errors(file) if line.startswith("a.csv")]
    assert advice in first


def test_files_of_the_same_name_are_named_with_their_folders(tmp_path: Path) -> None:
    file = federation(tmp_path)
    for who in "ab":
        (tmp_path / "data" / who).mkdir(parents=True)
        (tmp_path / "data" / who / "rows.jsonl").write_text('{"text": ""}\n')
    text = file.read_text().replace("./a.jsonl", "./data/a/rows.jsonl").replace("./b.jsonl", f"{tmp_path}/data/b")
    file.write_text(text)
    lines = validate(file).stderr.splitlines()
    assert [line.split(":")[0] for line in lines[:2]] == ["data/a/rows.jsonl", "data/b/rows.jsonl"]
    assert lines[2] == "2 errors in data/a/rows.jsonl, data/b/rows.jsonl."


def test_an_error_of_a_whole_file_has_its_path(tmp_path: Path) -> None:
    file = federation(tmp_path)
    (tmp_path / "a.jsonl").write_bytes('{"text": "a"}'.encode("utf-16"))
    assert validate(file).stderr.splitlines()[0] == "a.jsonl: participant bank-a: The file is UTF-16. Save it as UTF-8."


def test_a_changed_initial_adapter_is_an_error(tmp_path: Path) -> None:
    file = federation(tmp_path)
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter/adapter_config.json").write_text("{}")
    weights = tmp_path / "adapter/adapter_model.safetensors"
    weights.write_bytes(b"weights")
    for digest in (digest_file(weights), f"sha256:{hashlib.sha256(b'weights').hexdigest()}"):
        initial = f"adapter: {{initialFrom: {{uri: ./adapter, digest: '{digest}'}}, "
        file.write_text(
            FILE.format(format="Text", targets="{type: AllLinear}", length=512).replace("adapter: {", initial)
        )
        assert validate(file).exit_code == 0
        weights.write_bytes(b"weights and more")
        (line, _) = validate(file).stderr.splitlines()
        assert line.startswith(f"{file}:5:")
        assert f"initialFrom.digest: {weights} has changed, or is another adapter: its digest is {digest[:7]}" in line
        weights.write_bytes(b"weights")


@pytest.mark.parametrize("command", ["validate", "run"])
def test_policies_judge_a_training_on_one_machine(tmp_path: Path, command: str) -> None:
    file = federation(tmp_path)
    limits = "spec: {limits: {adapterRank: 1}, minimums: {participantsPerRound: 2}, allow: {images: []}, "
    file.write_text(file.read_text().replace("spec: {datasets", f"{limits}datasets", 1))
    result = CliRunner().invoke(main, [command, str(file)])
    assert result.exit_code == 1
    (line, count) = result.stderr.splitlines()
    assert "spec.limits.adapterRank (policy bank-a): " in line
    assert line.endswith("Change the training, or ask the owner of bank-a to change spec.limits.adapterRank.")
    assert count == f"1 error in {file}."
    assert not (tmp_path / "runs").exists()


def test_many_faults_are_counted(tmp_path: Path) -> None:
    found = errors(federation(tmp_path, a=[*texts("valid"), *[{"text": 1}] * 30]))
    assert len(found) == 21
    assert found[-1] == "a.jsonl:22: participant bank-a: 10 more rows have errors. Fix the rows above first."


def test_one_error_of_all_rows_is_shown_once(tmp_path: Path) -> None:
    assert errors(federation(tmp_path, a=[{"text": 1}] * 30)) == [
        'a.jsonl:1: participant bank-a: Field "text" must be text, not a number. Write it in double quotes. '
        "All 30 checked rows have this error."
    ]


def test_programs_get_the_faults_of_rows(tmp_path: Path) -> None:
    result = validate(federation(tmp_path, b=[{"text": 7}]), "-o", "json")
    (error,) = json.loads(result.stdout)["errors"]
    assert (error["file"], error["line"], error["item"]) == ("b.jsonl", 1, "participant bank-b")


def test_the_first_rows_of_each_file_are_checked_or_all(tmp_path: Path) -> None:
    file = federation(tmp_path, a=[*texts("1", "2", "3"), {"text": 4}])
    assert "a sample of 3 per data set; --rows all checks all" in validate(file, "--rows", "3").stdout
    assert "a.jsonl:4" in errors(file, "--rows", "all")[0]
    assert validate(file, "--rows", "0").exit_code == 2


@pytest.mark.parametrize(
    ("rows", "warning"),
    [
        ({"a": texts("x", "y", "x", "x")}, "bank-a: 2 of 4 rows are repeated (first: a.jsonl:3 is a.jsonl:1)."),
        (
            {"a": texts("x", "y"), "b": texts("z", "y")},
            "bank-a and bank-b have 1 row in common (first: a.jsonl:2 and b.jsonl:2).",
        ),
        ({"a": texts("x"), "test": texts("x")}, "bank-a and evaluation.hub have 1 row in common"),
        ({"a": texts("x") * 4}, "bank-a: 2 validation rows are also in the training split"),
        (
            {"b": texts("x", " ", "\n")},
            'bank-b: b.jsonl:2: field "text" has only blanks, so blanks are learned (2 rows)',
        ),
    ],
)
def test_rows_that_are_probably_wrong_are_counted(tmp_path: Path, rows: dict[str, Any], warning: str) -> None:
    assert any(line.startswith(warning) for line in warnings(federation(tmp_path, **rows)))


def chat(content: str = "Oak.", role: str = "user") -> dict[str, Any]:
    return {"messages": [{"role": role, "content": "Name a tree."}, {"role": "assistant", "content": content}]}


def chats(folder: Path) -> Path:
    return federation(folder, [chat("a")], [chat("b")], [chat("c")], format="Messages")


def test_conversations_are_tried_on_the_chat_template(tmp_path: Path) -> None:
    file = chats(tmp_path)
    assert validate(file).exit_code == 0
    (tmp_path / "base/chat_template.jinja").write_text("{{ messages[0].content + 1 }}")
    (line,) = errors(file)
    assert line.startswith(f"{file}:5:17: spec.model.base: a.jsonl:1: the base model's chat template fails")


def test_a_failing_template_shows_no_text_of_a_row(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = federation(tmp_path, [chat(SECRET)], format="Messages", b=[chat("b")], test=[chat("c")])
    (tmp_path / "base/chat_template.jinja").write_text("{{ raise_exception(messages[-1].content) }}")
    (line,) = errors(file)
    assert "a.jsonl:1: the base model's chat template fails" in line
    assert SECRET not in line + caplog.text


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (None, "The data has conversations, but"),
        ("{% for m in %}", "the base model's chat template is invalid Jinja at line 1. Correct it."),
        (CHATML.replace("{{ m.content }}", "{% generation %}{% endgeneration %}"), "marks nothing of messages[1]"),
    ],
)
def test_a_template_that_cannot_be_used_is_an_error(tmp_path: Path, template: str | None, message: str) -> None:
    file = chats(tmp_path)
    (tmp_path / "base/chat_template.jinja").unlink()
    write_base(tmp_path / "base", template=template)
    (line,) = errors(file)
    assert message in line


def test_a_template_may_be_in_the_tokenizers_settings(tmp_path: Path) -> None:
    file = chats(tmp_path)
    (tmp_path / "base/chat_template.jinja").unlink()
    settings = {"chat_template": [{"name": "default", "template": CHATML}], "eos_token": {"content": "<|im_end|>"}}
    (tmp_path / "base/tokenizer_config.json").write_text(json.dumps(settings))
    assert validate(file).exit_code == 0


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", "{", "config.json is not a JSON object."),
        ("tokenizer.json", None, "contains no tokenizer. Add the tokenizer.json of the base model."),
        ("tokenizer.json", "version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer, not the file."),
        ("model.safetensors", None, "contains no weights (*.safetensors)."),
        ("model.safetensors", "hello world", "model.safetensors can't be read"),
        ("model.safetensors", "version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer, not the file."),
        (
            "model.safetensors.index.json",
            '{"weight_map": {"a": "gone.safetensors"}}',
            "gone.safetensors is missing, but",
        ),
    ],
)
def test_a_file_of_the_base_that_cannot_be_used_is_an_error(
    tmp_path: Path, name: str, content: str | None, message: str
) -> None:
    file = federation(tmp_path)
    (tmp_path / "base" / name).unlink(missing_ok=True)
    if content is not None:
        (tmp_path / "base" / name).write_text(content)
    assert any(line.startswith(f"{file}:5:17: spec.model.base: ") and message in line for line in errors(file))


def test_a_target_module_that_the_base_does_not_have_is_an_error(tmp_path: Path) -> None:
    (line,) = errors(federation(tmp_path, targets="{type: Names, names: [q_proj, up]}"))
    assert line.endswith(
        "spec.model.adapter.targetModules.names: up is not a linear layer of the base model. Use q_proj, up_proj."
    )


def test_the_share_of_linear_parameters_and_the_untouched_layers_are_shown(tmp_path: Path) -> None:
    file = federation(tmp_path, targets="{type: Names, names: [q_proj]}")
    assert "32 parameters on q_proj: 33% of the linear parameters" in validate(file).stdout
    assert warnings(file) == ["The adapter does not change the linear layers up_proj."]


def test_fused_experts_are_refused_with_all_linear(tmp_path: Path) -> None:
    file = federation(tmp_path)
    experts = {"model.layers.0.mlp.experts.gate_up_proj": (2, 8, 8)}
    tensors = {name: np.zeros(shape, np.float32) for name, shape in (SHAPES | experts).items()}
    save_file(tensors, tmp_path / "base/model.safetensors")
    (line,) = errors(file)
    assert "AllLinear does not adapt experts that are fused in one tensor" in line


def word_tokenizer(folder: Path) -> None:
    """A token for each word."""
    tokenizer = Tokenizer(models.WordLevel({"x": 0, "?": 1}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()  # pyright: ignore[reportAttributeAccessIssue]
    tokenizer.save(str(folder / "tokenizer.json"))


def test_rows_that_are_cut_are_counted(tmp_path: Path) -> None:
    file = federation(tmp_path, a=texts("x " * 9, "x", "x x x x x x"), length=7)
    word_tokenizer(tmp_path / "base")
    (line,) = warnings(file)
    assert line == ("1 of 5 rows is longer than data.maxLength (7 tokens) and is cut. The longest has 10 tokens.")


def test_conversations_without_an_answer_left_are_counted(tmp_path: Path) -> None:
    long = {"messages": [{"role": "user", "content": "x " * 20}, {"role": "assistant", "content": "y"}]}
    file = federation(tmp_path, [long, chat()], [chat("b")], [chat("c")], format="Messages", length=12)
    word_tokenizer(tmp_path / "base")
    (line,) = warnings(file)
    assert line.startswith("1 of 4 rows is longer than data.maxLength (12 tokens) and is cut; 1 of them has no answer")


def test_rows_longer_than_the_context_are_announced(tmp_path: Path) -> None:
    (line,) = warnings(federation(tmp_path, length=4096))
    assert line.startswith("data.maxLength is 4096, but the base model has a context of 2048 tokens")


def test_plan_shows_the_same_facts_and_warnings(tmp_path: Path) -> None:
    file = federation(tmp_path, a=texts("x", "y", "x", "z"))
    result = CliRunner().invoke(main, ["plan", str(file), "-o", "json"])
    shown = json.loads(result.stdout)
    assert shown["facts"] == validate(file).stdout.splitlines()[1:]
    assert [line for line in warnings(file) if line not in shown["notes"]] == []


def choosing(folder: Path, test: list[dict[str, Any]]) -> Path:
    rows = [{"prompt": f"q{number}", "completion": "a"} for number in range(4)]
    file = federation(folder, rows, rows[:2], test, format="PromptCompletion")
    hub = "metrics: [{name: loss, type: Loss}, {name: right, type: Choices}]"
    file.write_text(file.read_text().replace("{uri: ./test.jsonl}", f"{{uri: ./test.jsonl}}, {hub}"))
    return file


def test_choices_are_refused_before_a_run_if_the_hubs_rows_have_too_many_or_too_few_answers(tmp_path: Path) -> None:
    rows = [{"prompt": f"p{number}", "completion": f"answer {number}"} for number in range(101)]
    (error,) = errors(choosing(tmp_path, rows))
    assert error.endswith(
        "spec.evaluation.hub.metrics[1].type (metric right): Choices compares 2 to 100 different answers, and the "
        "hub's rows have more than 100 different answers. "
        'Give each row a field "choices", or use ExactMatch or Loss.'
    )
    (error,) = errors(choosing(tmp_path, [{"prompt": f"p{number}", "completion": "same"} for number in range(3)]))
    assert "and the hub's rows have one answer only" in error
    own = [row | {"choices": [row["completion"], "another"]} for row in rows]
    assert validate(choosing(tmp_path, own)).exit_code == 0
    assert validate(choosing(tmp_path, rows[:100])).exit_code == 0


def test_a_row_of_the_hub_whose_answer_is_not_among_its_choices_is_named(tmp_path: Path) -> None:
    rows = [{"prompt": "p", "completion": "a", "choices": ["a", "b"]}, {"prompt": "q", "completion": SECRET}]
    rows[1]["choices"] = ["a", "b"]
    (error,) = errors(choosing(tmp_path, rows))
    assert error.endswith(
        'test.jsonl:2: evaluation.hub: The answer is not among the choices. Add it to the row\'s "choices".'
    )
    assert SECRET not in error
