"""`fedtrain validate` checks rows without torch, and shows all problems at once."""

import hashlib
import json
import string
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from valid_base import write_adapter
from validated_data import FILE, SECRET, errors, federation, texts, validate, warnings

from fedtrain.cli.main import main
from fedtrain.contracts.digests import digest_file
from fedtrain.data import row_limit
from fedtrain.preview.row_check import MOST_FAULTS
from tests.support.permissions import as_ordinary_user

POLICY = """\
---
{{apiVersion: fedtrain.dev/v1alpha1, kind: ParticipantPolicy, metadata: {{name: {name}}},
  spec: {{datasets: [{{name: tickets, uri: ./a.jsonl}}]}}}}
"""

pytestmark = pytest.mark.usefixtures("in_the_folder")


def test_facts_about_rows_and_base_follow_the_first_line(tmp_path: Path) -> None:
    result = validate(federation(tmp_path))
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[1:] == [
        "rows: 5 checked in 3 data sets",
        "base model: llama, 456 parameters, context 2,048 tokens; adapter: 80 trained parameters for all linear layers "
        "except the output head, which shares the embedding's weights (q_proj, up_proj); the base stays frozen",
    ]


@pytest.mark.parametrize("has_more", [True, False])
def test_a_folder_of_a_data_set_that_cannot_be_read_is_an_error(tmp_path: Path, has_more: bool) -> None:
    file = federation(tmp_path)
    (tmp_path / "a.jsonl").unlink()
    (tmp_path / "a.jsonl/more").mkdir(mode=0o000, parents=True)
    if has_more:
        (tmp_path / "a.jsonl/b.jsonl").write_text('{"text": "a"}\n')
    with as_ordinary_user():
        (line,) = errors(file)
    assert line.startswith(
        "a.jsonl/more: participant bank-a: Cannot be read (Permission denied). Change its permissions"
    )


def test_all_faults_of_rows_are_shown_with_file_and_line_and_no_value(tmp_path: Path) -> None:
    file = federation(tmp_path)
    (tmp_path / "a.jsonl").write_text(f'{{"text": "a"}}\n{{"text": ["{SECRET}"]}}\n{SECRET}\n{{"text": ""}}\n')
    (tmp_path / "b.jsonl").write_text(f'{{"{SECRET}": 1}}\n')
    (tmp_path / "test.jsonl").write_bytes("{'text'}\n".encode("utf-16"))
    found = errors(file)
    assert [line.rstrip() for line in found] == [
        'a.jsonl:2: participant bank-a: Field "text" must be text, not a list. Write text, or delete the row.',
        "a.jsonl:3:1: participant bank-a: Not valid JSON: the row is not a JSON object. "
        "Write each row as an object in braces.",
        'a.jsonl:4: participant bank-a: Field "text" is empty, so there is nothing to learn. '
        "Fill it in, or delete the row.",
        'b.jsonl:1: participant bank-b: Field "text" is missing; the format Text needs {text}. Add it to '
        "this row; if no row has it, set its name in `data.fields`.",
        "test.jsonl: evaluation.hub: The file is UTF-16. Save it as UTF-8; or rewrite it and use the new file: "
        "`fedtrain convert test.jsonl --encoding utf-16 -o test-utf8.jsonl`.",
    ]
    assert SECRET not in "".join(found)


def test_a_file_of_a_folder_is_named_as_it_is_written(tmp_path: Path) -> None:
    file = federation(tmp_path)
    (tmp_path / "more").mkdir()
    row = (tmp_path / "a.jsonl").rename(tmp_path / "row")
    (tmp_path / "a.jsonl").mkdir()
    row.rename(tmp_path / "a.jsonl" / "a.jsonl")
    (tmp_path / "a.jsonl" / "link").symlink_to(tmp_path / "more")
    (found,) = errors(file)
    assert found.startswith("a.jsonl/link: participant bank-a: A link to a folder is not followed. Replace it with")


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
            "and the rows have Question, Answer. Write `fields: {prompt: Question, completion: Answer}` in spec.data "
            "if all files have these names; otherwise rename them in this file.",
        ),
        (
            "PromptCompletion",
            "instruction,output\na,b\n",
            "and the rows have instruction, output. Write `format: Instruction` in spec.data",
        ),
        (
            "Text",
            "first,second\na,b\n",
            "the rows have first, second. Rename `first` to `text` in this file, as in the rows of bank-b.",
        ),
        (
            "Text",
            "a first row of six words,b\nc,d\n",
            "Add a header above it: `text,column2`; if the first line",
        ),
        ("Text", "Body: en,b\nc,d\n", "Rename `Body: en` to `text` in this file, as in the rows of bank-b."),
        (
            "Text",
            f"{'a long first row ' * 3},b\nc,d\n",
            "Add a header above it: `text,column2`; if the first line",
        ),
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
    assert validate(file).stderr.splitlines()[0] == (
        "a.jsonl: participant bank-a: The file is UTF-16. Save it as UTF-8; or rewrite it and use the new file: "
        "`fedtrain convert a.jsonl --encoding utf-16 -o a-utf8.jsonl`."
    )


def test_more_rows_than_a_round_can_be_planned_for_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = federation(tmp_path)
    monkeypatch.setattr(row_limit, "MAX_SAMPLES", 1)
    assert validate(file).stderr.splitlines()[0] == (
        "a.jsonl: participant bank-a: There are more than 1 row. Use fewer, such as a part of the files."
    )


def test_a_changed_initial_adapter_is_an_error(tmp_path: Path) -> None:
    file = federation(tmp_path)
    weights = write_adapter(tmp_path / "adapter") / "adapter_model.safetensors"
    content = weights.read_bytes()
    for digest in (digest_file(weights), f"sha256:{hashlib.sha256(content).hexdigest()}"):
        initial = f"adapter: {{initialFrom: {{uri: ./adapter, digest: '{digest}'}}, "
        file.write_text(
            FILE.format(format="Text", targets="{type: AllLinear}", length=512).replace("adapter: {", initial)
        )
        assert validate(file).exit_code == 0
        weights.write_bytes(b"weights and more")
        (line, _) = validate(file).stderr.splitlines()
        assert line.startswith(f"{file}:5:")
        assert f"initialFrom.digest: {weights} has changed, or is another adapter: its digest is {digest[:7]}" in line
        weights.write_bytes(content)


@pytest.mark.parametrize("command", ["validate", "run"])
def test_policies_judge_a_training_on_one_machine(tmp_path: Path, command: str) -> None:
    file = federation(tmp_path)
    limits = "spec: {limits: {adapterRank: 1}, minimums: {participantsPerRound: 2}, "
    file.write_text(file.read_text().replace("spec: {datasets", f"{limits}datasets", 1))
    result = CliRunner().invoke(main, [command, str(file)])
    assert result.exit_code == 1
    (line, count) = result.stderr.splitlines()
    assert "spec.limits.adapterRank (policy bank-a): " in line
    assert f"Lower `model.adapter.rank` to 1 ({file}, line 5), " in line
    assert line.endswith("or ask the owner of bank-a to change spec.limits.adapterRank.")
    assert count == f"1 error in {file}."
    assert not (tmp_path / "runs").exists()


def test_many_faults_are_counted(tmp_path: Path) -> None:
    rows = [{"text": 1} if number % 2 else {"text": [], "number": number} for number in range(60)]
    found = errors(federation(tmp_path, a=[*texts("valid"), *rows]))
    assert [(line.split(": ")[0], line.split(". ")[-1]) for line in found] == [
        ("a.jsonl:2", "30 rows of this file have this error."),
        ("a.jsonl:3", "30 rows of this file have this error."),
    ]
    folder = tmp_path / "many"
    folder.mkdir()
    for file in range(23):
        (folder / f"{file:02}.jsonl").write_text('{"text": 1}\n' + '{"text": "valid"}\n' * (file == 0))
    several = federation(tmp_path)
    several.write_text(several.read_text().replace("./a.jsonl", "./many"))
    found = errors(several)
    assert len(found) == 21
    assert found[-1].endswith("participant bank-a: 3 more rows have errors. Fix the rows above first.")


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


def test_many_data_sets_share_the_sample_that_is_shown(tmp_path: Path) -> None:
    file = federation(tmp_path, *[texts(*"abcdefgh")] * 3)
    others = [f"bank-{letter}" for letter in string.ascii_lowercase[2:]]
    listed = ", ".join(f"{{name: {name}}}" for name in ("bank-b", *others))
    policies = "".join(POLICY.format(name=name) for name in others)
    file.write_text(file.read_text().replace("{name: bank-b}]", f"{listed}]") + policies)
    assert "rows: 135 checked in 27 data sets (a sample of 5 per data set" in validate(file, "--rows", "7").stdout


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('{"text": "a"}\n'.encode("utf-16"), "The file is UTF-16"),
        (b'{"text": 1}\n{"text": 2}\n' * MOST_FAULTS, 'Field "text" must be text'),
    ],
    ids=["whole file", "too many rows"],
)
def test_errors_that_end_the_reading_of_all_rows_are_shown(tmp_path: Path, content: bytes, problem: str) -> None:
    file = federation(tmp_path)
    (tmp_path / "a.jsonl").write_bytes(content)
    assert problem in errors(file, "--rows", "all")[0]


@pytest.mark.parametrize(
    ("rows", "warning"),
    [
        (
            {"a": texts("x", "y", "x", "x")},
            "bank-a: 2 of 4 rows are repeated (first: a.jsonl:3 is a.jsonl:1). Remove them: "
            "`fedtrain convert a.jsonl --drop-repeated -o a-unique.jsonl`, and use the new file.",
        ),
        (
            {"a": texts("x", "y"), "b": texts("z", "y")},
            "bank-a and bank-b have 1 row in common (first: a.jsonl:2 and b.jsonl:2).",
        ),
        (
            {"a": texts("x", "w"), "test": texts("x")},
            "bank-a and evaluation.hub have 1 row in common (first: a.jsonl:1 and test.jsonl:1). Evaluate on rows that",
        ),
        (
            {"a": texts("x", "w"), "test": texts("w", "x")},
            "bank-a and evaluation.hub have 2 rows in common, all rows of evaluation.hub (first: a.jsonl:2 and "
            "test.jsonl:1). Evaluate on rows that no participant trains on.",
        ),
        (
            {"a": texts("x", "w", "v"), "b": texts("w", "x")},
            "bank-a and bank-b have 2 rows in common, all rows of bank-b (first: a.jsonl:2 and b.jsonl:1). Correct the "
            "`uri` in one of their policies, unless they have the same rows on purpose.",
        ),
        ({"a": texts("x") * 4}, "bank-a: 2 validation rows are also in the training split"),
        (
            {"b": texts("x", " ", "\n")},
            'bank-b: b.jsonl:2: field "text" has only blanks, so blanks are learned (2 rows)',
        ),
    ],
)
def test_rows_that_are_probably_wrong_are_counted(tmp_path: Path, rows: dict[str, Any], warning: str) -> None:
    assert any(line.startswith(warning) for line in warnings(federation(tmp_path, **rows)))


@pytest.mark.parametrize(
    ("format", "fields", "rows", "options"),
    [
        (
            "PromptCompletion",
            "{prompt: text, completion: label}",
            [{"text": text, "label": label} for text, label in ("ax", "ay", "ax", "bz")],
            " --field prompt=text --field completion=label",
        ),
        (
            "Text",
            "{text: body}",
            [{"body": body, "text": text} for body, text in ("ax", "bx", "ay", "cz")],
            " --field text=body",
        ),
        (
            "Text",
            "",
            [{"text": text, "prompt": prompt, "completion": "c"} for text, prompt in ("ax", "bx", "ay", "cz")],
            " --field text=text",
        ),
        (
            "PromptCompletion",
            "{completion: label}",
            [{"prompt": prompt, "label": label} for prompt, label in ("ax", "ay", "ax", "bz")],
            " --field completion=label",
        ),
        (
            "Messages",
            "",
            [
                {"messages": [{"role": "user", "content": text, "id": at}, {"role": "assistant", "content": "c"}]}
                for at, text in enumerate("abad")
            ],
            "",
        ),
        (
            "Messages",
            "{messages: turns}",
            [
                {"turns": [{"role": "user", "content": text, "id": at}, {"role": "assistant", "content": "c"}]}
                for at, text in enumerate("abad")
            ],
            " --field messages=turns",
        ),
        (
            "Instruction",
            "",
            [
                {"instruction": text, "output": "c", **more}
                for text, more in zip("abad", ({"input": ""}, {}, {}, {}), strict=True)
            ],
            "",
        ),
    ],
)
def test_the_command_against_repeated_rows_keeps_the_rows_that_are_not_repeated(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    format: str,
    fields: str,
    rows: list[dict[str, Any]],
    options: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    file = federation(tmp_path, rows, rows[3:], rows[3:], format=format)
    if fields:
        file.write_text(file.read_text().replace(f"format: {format}", f"format: {format}, fields: {fields}"))
    (warning,) = [line for line in warnings(file) if "Remove them: " in line]
    assert "1 of 4 rows is repeated (first: a.jsonl:3 is a.jsonl:1)" in warning
    command = f"fedtrain convert a.jsonl --drop-repeated{options} -o a-unique.jsonl"
    assert warning.endswith(f"Remove them: `{command}`, and use the new file.")
    result = CliRunner().invoke(main, command.split()[1:])
    assert result.exit_code == 0, result.output
    kept = [json.loads(line) for line in (tmp_path / "a-unique.jsonl").read_text().splitlines()]
    assert kept == [rows[0], rows[1], rows[3]]
    file.write_text(file.read_text().replace("./a.jsonl", "./a-unique.jsonl"))
    assert [line for line in warnings(file) if "Remove them: " in line] == []


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
        'Give each row a field "choices", or use `type: ExactMatch` or `type: Loss`.'
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


def test_choices_that_differ_from_the_answers_only_in_blanks_are_one_error(tmp_path: Path) -> None:
    rows = [{"prompt": f"p{number}", "completion": f" {SECRET}", "choices": [SECRET, "b"]} for number in range(25)]
    (error,) = errors(choosing(tmp_path, rows))
    assert error.endswith(
        'test.jsonl:1: evaluation.hub: The answer differs from one of the "choices" only in blanks at its start or '
        "end. Write both in the same way. 25 rows of this file have this error."
    )
    assert SECRET not in error


def test_labels_of_the_hub_that_no_participant_trains_are_a_warning(tmp_path: Path) -> None:
    def rows(name: str, *answers: str) -> list[dict[str, Any]]:
        return [{"prompt": f"{name} {number}:", "completion": text} for number, text in enumerate(answers)]

    one, other = rows("a", *([" Heart", " Skin"] * 3)), rows("b", *([" Bone", " Skin"] * 2))

    def warned(test: list[dict[str, Any]], *further: str, metric: str = "Choices") -> list[str]:
        file = federation(tmp_path, one, [*other, *rows("c", *further)], test, format="PromptCompletion")
        measured = f"{{uri: ./test.jsonl}}, metrics: [{{name: right, type: {metric}}}]"
        file.write_text(file.read_text().replace("{uri: ./test.jsonl}", measured))
        return warnings(file)

    assert warned(rows("t", " Heart", " Bone", " Ear", " Ear")) == [
        "evaluation.hub: 2 rows have an answer that no participant's rows have (first: test.jsonl:3), so no adapter "
        "learns it. Correct the answer, or remove the rows."
    ]
    assert warned(rows("t", " Heart", " Ear"), metric="Loss") == [], "its rows need not be labels"
    assert warned(rows("t", " Heart", " Bone", " Skin")) == []
    assert warned(rows("t", " Heart", " Ear"), *(f" text {number}" for number in range(20))) == [], "not labels"


def test_labels_that_participants_spell_differently_are_a_warning(tmp_path: Path) -> None:
    def rows(name: str, *answers: str) -> list[dict[str, Any]]:
        return [{"prompt": f"{name} {number}:", "completion": text} for number, text in enumerate(answers)]

    usual, other = rows("a", *([" Heart", " Skin"] * 3)), rows("b", *([" heart", " Skin"] * 2))
    test = rows("t", " Heart", " Skin")
    assert warnings(federation(tmp_path, usual, other, test, format="PromptCompletion")) == [
        "2 answers differ from a more frequent one only in case or blanks (first: b.jsonl:1, unlike a.jsonl:1), so "
        "they are learned and counted as other labels. Write each label in one way."
    ]
    assert warnings(federation(tmp_path, usual, rows("b", " Heart", " Skin"), test, format="PromptCompletion")) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("./link.jsonl", "./link.jsonl is also the training data of bank-a."),
        ("./base/../a.jsonl", "./base/../a.jsonl is also the training data of bank-a."),
        (".", ". is a folder that contains ./a.jsonl, the training data of bank-a."),
    ],
)
def test_the_hub_does_not_evaluate_on_training_data_under_another_path(tmp_path: Path, name: str, said: str) -> None:
    file = federation(tmp_path)
    (tmp_path / "link.jsonl").symlink_to("a.jsonl")
    file.write_text(file.read_text().replace("./test.jsonl", name))
    (error,) = [line for line in errors(file) if "spec.evaluation.hub.data.uri" in line]
    assert f"{said} Use rows that no participant trains on." in error


def test_the_hub_does_not_evaluate_on_a_file_in_the_folder_of_training_data(tmp_path: Path) -> None:
    file = federation(tmp_path)
    file.write_text(file.read_text().replace("./a.jsonl", "."))
    (error,) = [line for line in errors(file) if "spec.evaluation.hub.data.uri" in line]
    assert "./test.jsonl is in the folder ., all of which is the training data of bank-a." in error


@pytest.mark.parametrize(("choice", "said"), [("Clip", True), ("Idle", True), ("Wrap", False)])
def test_rounds_without_enough_participants_are_a_warning_in_the_words_of_plan(
    choice: str, said: bool, tmp_path: Path
) -> None:
    file = federation(tmp_path, a=texts(*map(str, range(60))), b=texts(*map(str, range(100, 110))))
    partitioning = f"{{strategy: FixedSize, fixedSize: {{samples: 5}}, onExhausted: {choice}}}"
    text = file.read_text().replace("{count: 1}", "{count: 4}")
    file.write_text(text.replace("  evaluation:", f"  partitioning: {partitioning}\n  evaluation:"))
    found = [one for one in warnings(file) if "rounds.minParticipants" in one]
    expected = (
        "In 3 of 4 rounds, from round 2, fewer participants train than rounds.minParticipants (2): the run fails there."
    )
    assert found == ([expected] if said else [])
    planned = CliRunner().invoke(main, ["plan", str(file)], env={"COLUMNS": "400"})
    assert (expected in planned.stdout) == said


@pytest.mark.parametrize(
    ("test", "said"),
    [
        (["one", "six"], "1 row in common (first"),
        ([" one\n", "six"], "1 row in common if blanks, line breaks and Unicode forms are ignored (first"),
        (["one", "caf\u00e9  au lait", "six"], "2 rows in common, 1 of them only if blanks, "),
        (["\uff4f\uff4e\uff45", "caf\u00e9 au lait"], "2 rows in common if blanks, "),
        (["One", "oneone", "cafe au lait"], None),
    ],
)
def test_held_out_rows_that_differ_from_training_rows_only_in_blanks_are_a_warning(
    test: list[str], said: str | None, tmp_path: Path
) -> None:
    file = federation(tmp_path, a=texts("one", "cafe\u0301 au lait"), test=texts(*test))
    found = [one for one in warnings(file, "--rows", "all") if "in common" in one]
    assert len(found) == (said is not None)
    assert said is None or found[0].startswith(f"bank-a and evaluation.hub have {said}")
    assert said is None or found[0].endswith("Evaluate on rows that no participant trains on.")


def test_validation_rows_that_differ_from_training_rows_only_in_blanks_are_a_warning(tmp_path: Path) -> None:
    file = federation(tmp_path, a=texts("one", "one ", " one", "one\n", "one", "one  "))
    (found,) = [one for one in warnings(file, "--rows", "all") if "validation" in one]
    assert "3 validation rows are also in the training split" in found
    assert "only if blanks, line breaks and Unicode forms are ignored, so validation is too optimistic" in found


def test_warnings_about_rows_name_a_fix(tmp_path: Path) -> None:
    """The command leaves the row out."""
    pair = {"prompt": "a", "completion": " x"}
    file = federation(tmp_path, [pair, {"prompt": "b", "completion": " "}], [pair], [pair], format="PromptCompletion")
    with (tmp_path / "a.jsonl").open("a") as out:
        out.write('{"prompt": "c", "completion": " x", "completion": " y"}\n')
    twice, blank = [line for line in warnings(file) if "field" in line]
    assert twice.endswith('field "completion" is in the row twice; the last value is used. Keep only one of them.')
    command = "fedtrain convert a.jsonl --to PromptCompletion --skip-invalid -o a-valid.jsonl"
    assert blank.endswith(f"Fill it in, or delete the row: `{command}` leaves such rows out; use the new file.")


def test_a_proposed_command_is_for_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = {"prompt": "a", "completion": " x"}
    file = federation(tmp_path, [pair, {"prompt": "b", "completion": " "}], [pair], [pair], format="PromptCompletion")
    monkeypatch.chdir(tmp_path.parent)
    (blank,) = [line for line in warnings(file) if "only blanks" in line]
    path = f"{tmp_path.name}/a"
    command = f"`fedtrain convert {path}.jsonl --to PromptCompletion --skip-invalid -o {path}-valid.jsonl`"
    assert (f"{path}.jsonl:2: " in blank, command in blank) == (True, True)


def partitioned(folder: Path, partitioning: str, count: int = 4, **options: Any) -> Path:
    """A file for bank-a with 30 training rows and bank-b with 5."""
    file = federation(folder, a=texts(*map(str, range(60))), b=texts(*map(str, range(100, 110))))
    text = file.read_text().replace("{count: 1}", f"{{count: {count}, minParticipants: {options.get('least', 2)}}}")
    file.write_text(text.replace("  evaluation:", f"  partitioning: {partitioning}\n  evaluation:"))
    return file


@pytest.mark.parametrize("command", ["validate", "run", "doctor"])
def test_a_run_without_data_for_any_round_is_an_error(command: str, tmp_path: Path) -> None:
    file = partitioned(tmp_path, "{strategy: FixedSize, fixedSize: {samples: 31}, onExhausted: Idle}")
    result = CliRunner().invoke(main, [command, str(file)], env={"COLUMNS": "600"})
    assert result.exit_code == 1
    assert (
        "spec.partitioning.fixedSize.samples: No round can be trained: in round 1, 0 of 2 participants have enough "
        "rows (onExhausted: Idle), and rounds.minParticipants is 2. Without enough: bank-a (30 training rows) and "
        "bank-b (5 training rows)"
    ) in result.output
    assert "Set `samples: 5` or less, or `onExhausted: Wrap`." in result.output
    assert "ok       would run" not in result.output


def test_the_rows_of_the_least_number_of_participants_are_proposed(tmp_path: Path) -> None:
    file = partitioned(tmp_path, "{strategy: FixedSize, fixedSize: {samples: 31}, onExhausted: Idle}", least=1)
    (line,) = errors(file)
    assert line.endswith("Set `samples: 30` or less, or `onExhausted: Wrap`.")


@pytest.mark.parametrize(
    "partitioning",
    [
        "{strategy: FixedSize, fixedSize: {samples: 31}, onExhausted: Clip}",
        "{strategy: FixedSize, fixedSize: {samples: 5}, onExhausted: Idle}",
        "{strategy: FixedSize, fixedSize: {samples: 31}}",
        "{strategy: MaxDataVolume, onExhausted: Clip}",
    ],
)
def test_a_run_whose_first_round_has_data_is_valid(partitioning: str, tmp_path: Path) -> None:
    assert validate(partitioned(tmp_path, partitioning)).exit_code == 0


def test_rounds_that_may_be_skipped_are_an_error_only_if_all_are(tmp_path: Path) -> None:
    skip = "{strategy: FixedSize, fixedSize: {samples: 6}, onExhausted: Idle}"
    file = partitioned(tmp_path, skip)
    file.write_text(file.read_text().replace("minParticipants: 2", "minParticipants: 2, belowMinimum: Skip"))
    assert "No round can be trained" in errors(file)[0]
    file.write_text(file.read_text().replace("samples: 6", "samples: 5"))
    assert any("3 of 4 rounds, from round 2" in one for one in warnings(file))


@pytest.mark.parametrize(("stated", "said"), [(100_000, True), (1, True), (60, False), (55, False)])
def test_a_stated_number_of_samples_that_is_not_that_of_the_rows_is_a_warning(
    stated: int, said: bool, tmp_path: Path
) -> None:
    file = federation(tmp_path, a=texts(*map(str, range(60))))
    file.write_text(file.read_text().replace("uri: ./a.jsonl", f"uri: ./a.jsonl, samples: {stated}"))
    found = [one for one in warnings(file) if "samples" in one]
    expected = (
        f"the policy of bank-a says that data set tickets has {stated:,} sample{'' if stated == 1 else 's'}, but "
        "a.jsonl has 60 rows. Correct or remove `samples`, which the hub sees."
    )
    assert found == ([expected] if said else [])
    assert not [one for one in warnings(file, "--rows", "10") if "samples" in one], "not all rows are counted"


def test_a_policy_with_only_the_delta_of_privacy_is_a_warning(tmp_path: Path) -> None:
    file = federation(tmp_path)
    plain = file.read_text()
    file.write_text(plain.replace("{datasets: [", "{privacy: {delta: 1e-6}, datasets: [", 1))
    (found,) = [one for one in warnings(file) if "delta" in one]
    assert found.startswith("spec.privacy of the policy of bank-a has only `delta`, so it asks for no privacy")
