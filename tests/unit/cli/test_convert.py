"""`fedtrain convert` writes JSON lines."""

import json
import re
import resource
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from fedtrain.cli.main import main

SHAREGPT = {"conversations": [{"from": "human", "value": "Name a tree."}, {"from": "gpt", "value": "Oak."}], "id": 7}
ALPACA = {"instruction": "Name the class.", "input": "a bird", "output": "animal"}
MESSAGES = {"messages": [{"role": "user", "content": "Name a tree."}, {"role": "assistant", "content": "Oak."}]}


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["convert", *map(str, arguments)])


def written(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def source(folder: Path, *rows: dict[str, Any]) -> Path:
    (folder / "in.json").write_text(json.dumps(rows))
    return folder / "in.json"


def test_rows_of_several_files_are_written_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("prompt;completion\nGröße?; 20 m\n")
    (tmp_path / "b.jsonl").write_text('{"prompt":  "q", "completion": " a"}\n')
    result = run(tmp_path / "a.csv", tmp_path / "b.jsonl", "-o", tmp_path / "out.jsonl")
    assert (result.exit_code, result.output) == (
        0,
        f"{tmp_path / 'out.jsonl'}: 2 rows\n"
        f"To train on it, write `uri: {tmp_path / 'out.jsonl'}` in spec.datasets of the participant's policy.\n",
    )
    assert (tmp_path / "out.jsonl").read_text() == (
        '{"prompt": "Größe?", "completion": " 20 m"}\n{"prompt":  "q", "completion": " a"}\n'
    )


@pytest.mark.parametrize(
    ("row", "target", "expected"),
    [
        (SHAREGPT, "Messages", {**MESSAGES, "id": 7}),
        ({"prompt": MESSAGES["messages"][:1], "completion": "Oak."}, "Messages", MESSAGES),
        ({"prompt": "Name a tree.", "completion": "Oak."}, "Messages", MESSAGES),
        (
            ALPACA,
            "Messages",
            {
                "messages": [
                    {"role": "user", "content": "Name the class.\n\na bird"},
                    {"role": "assistant", "content": "animal"},
                ]
            },
        ),
    ],
)
def test_rows_are_rewritten(tmp_path: Path, row: Any, target: str, expected: Any) -> None:
    assert run(source(tmp_path, row), "-o", tmp_path / "out.jsonl", "--to", target).exit_code == 0
    assert written(tmp_path / "out.jsonl") == [expected]


def test_an_instruction_becomes_a_prompt_with_names_of_the_user(tmp_path: Path) -> None:
    file = source(tmp_path, {"task": "Name the class.", "output": "animal"})
    result = run(file, "-o", tmp_path / "out.jsonl", "--to", "PromptCompletion", "--field", "instruction=task")
    assert result.exit_code == 0
    (row,) = written(tmp_path / "out.jsonl")
    assert (row["prompt"][:5], row["completion"]) == ("Below", "animal")


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (
            [{"question": "q"}],
            ["--to", "Messages"],
            "in.json:1: the rows have one field, question, and no answers\n"
            "hint: Add the answers to each row; or, to learn the text itself, rename the field to `text`.",
        ),
        (
            [{"Hospital": "a", "Question": "q", "reply": "r"}],
            ["--to", "PromptCompletion"],
            "such as `--field prompt=Question --field completion=reply`",
        ),
        (
            [{"a": "q", "b": "r"}],
            ["--to", "PromptCompletion"],
            "such as `--field prompt=a --field completion=b`",
        ),
        (
            [{"Fallnummer": "1", "text": "q", "Klinik": "r"}],
            ["--to", "PromptCompletion", "--field", "prompt=Text", "--field", "completion=Klinik"],
            "in.json:1: the row has no field `Text`; its fields are Fallnummer, text, Klinik\n"
            "hint: Correct `--field prompt=Text`. A similar name is `text`.",
        ),
        (
            [{"Fallnummer": "1", "Klinik": "r"}],
            ["--to", "PromptCompletion", "--field", "prompt=Befund", "--field", "completion=Abteilung"],
            "in.json:1: the row has no field `Befund` or `Abteilung`; its fields are Fallnummer, Klinik\n"
            "hint: Correct `--field prompt=Befund` and `--field completion=Abteilung`: name fields of the row.",
        ),
        ([MESSAGES, {"text": "a"}], ["--to", "Messages"], "in.json:1: plain text cannot be written as Messages"),
        (
            [{"rows": [ALPACA]}],
            ["--to", "Messages"],
            'in.json:1: the rows are inside "rows"\nhint: Write only this list',
        ),
        (
            [MESSAGES],
            ["--to", "PromptCompletion"],
            "in.json:1: the conversation has roles, which a PromptCompletion row cannot have\n"
            "hint: Use this file as it is, with `data.format: Messages`, or `--to Messages` if other rows",
        ),
        (
            [{"messages": [{"role": "system", "content": "s"}, *MESSAGES["messages"]]}],
            ["--to", "PromptCompletion"],
            "in.json:1: the conversation has a system message, which a PromptCompletion row cannot have\n",
        ),
        (
            [{"messages": [*MESSAGES["messages"], *MESSAGES["messages"]]}],
            ["--to", "PromptCompletion"],
            "in.json:1: the conversation has 2 answers, which a PromptCompletion row cannot have\n",
        ),
        (
            [MESSAGES],
            ["--field", "prompt=q"],
            "--field needs --to or --drop-repeated\nhint: Add `--to` with a format, such as `--to PromptCompletion`.",
        ),
        ([MESSAGES], ["--to", "Messages", "--field", "x=q"], "--field x=q: 'x' is not a field"),
        ([], [], "there are no rows"),
    ],
)
def test_nothing_is_left_of_a_conversion_that_fails(
    tmp_path: Path, rows: list[Any], options: list[str], message: str
) -> None:
    result = run(source(tmp_path, *rows), "-o", tmp_path / "out.jsonl", *options)
    assert result.exit_code == 1
    assert message in result.stderr
    assert not (tmp_path / "out.jsonl").exists()


def test_a_table_without_the_named_column_lists_its_columns(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("Fallnummer;Bericht;Klinik\n1;q;r\n")
    options = ("--to", "PromptCompletion", "--field", "prompt=Berichte", "--field", "completion=Klinik")
    result = run(tmp_path / "in.csv", "-o", tmp_path / "out.jsonl", *options)
    assert "the table has no column `Berichte`; its columns are Fallnummer, Bericht, Klinik\n" in result.stderr
    assert "hint: Correct `--field prompt=Berichte`. A similar name is `Bericht`." in result.stderr


@pytest.mark.parametrize(
    ("title", "options"),
    [("Report of May", ()), ("Report;;", ()), ("Report;;", ("--to", "PromptCompletion", "--field", "prompt=Bericht"))],
)
def test_a_title_above_the_header_of_a_table_is_named(tmp_path: Path, title: str, options: tuple[str, ...]) -> None:
    (tmp_path / "rows.csv").write_text(f"{title}\nNummer;Bericht;Klinik\n1;Husten;zoo\n\n2;Fieber;zoo\n")
    result = run(tmp_path / "rows.csv", "-o", tmp_path / "out.jsonl", *options)
    assert result.exit_code == 1
    assert "rows.csv:2: the header is not on the first line\n" in result.stderr
    assert "hint: Delete line 1, or put cells that contain `;` in double quotes." in result.stderr


def test_a_table_of_one_column_has_no_title(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("text\nFirst; second\nFirst; third\n")
    assert run(tmp_path / "rows.csv", "-o", tmp_path / "out.jsonl").exit_code == 0


def test_a_wrong_name_of_a_field_that_the_rows_have_is_named(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"prompt": "a", "completion": "b"}\n')
    options = ("--to", "PromptCompletion", "--field", "prompt=Text")
    result = run(tmp_path / "rows.jsonl", "-o", tmp_path / "out.jsonl", *options)
    assert "rows.jsonl:1: the row has no field `Text`; its fields are prompt, completion\n" in result.stderr
    assert (
        "Leave out `--field prompt=Text`: the row already has the field `prompt`. Or name a field that it has."
        in result.stderr
    )


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    result = run(source(tmp_path, MESSAGES), "-o", tmp_path / "nodir/c.jsonl")
    assert result.exit_code == 1
    assert f"the folder {tmp_path / 'nodir'} does not exist\nhint: Create it first." in result.stderr


def test_a_file_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "out.jsonl").write_text("mine")
    result = run(source(tmp_path, MESSAGES), "-o", tmp_path / "out.jsonl")
    assert "out.jsonl exists" in result.stderr
    assert (tmp_path / "out.jsonl").read_text() == "mine"


@pytest.fixture
def small_files() -> Iterator[None]:
    """Files have at most 16 MiB, so that rows without end do not fill the disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 24, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.usefixtures("small_files")
def test_the_output_may_be_in_a_folder_that_is_converted(tmp_path: Path) -> None:
    rows = tmp_path / "rows"
    (rows / "more").mkdir(parents=True)
    row = {"prompt": "q", "completion": " a" * 100}
    (rows / "b.jsonl").write_text(2000 * f"{json.dumps(row)}\n")  # more than the buffer of the output
    result = run(rows, "-o", rows / "more/z.jsonl")
    assert result.output.startswith(f"{rows / 'more/z.jsonl'}: 2,000 rows\n")
    assert written(rows / "more/z.jsonl") == 2000 * [row]
    assert [path.name for path in (rows / "more").iterdir()] == ["z.jsonl"]


def test_the_message_about_another_format_names_the_command(tmp_path: Path) -> None:
    from fedtrain.data.errors import DataError
    from fedtrain.data.formats import RowChecker

    with pytest.raises(
        DataError,
        match=r"set `data\.format: ShareGPT`.* `fedtrain convert a\.jsonl --to Messages -o a-messages\.jsonl`",
    ):
        RowChecker("Messages").check(SHAREGPT, "a.jsonl:1")


def test_turns_of_sharegpt_in_the_field_messages_are_rewritten(tmp_path: Path) -> None:
    file = source(tmp_path, {"messages": SHAREGPT["conversations"]})
    refused = run(file, "--to", "Messages", "-o", tmp_path / "out.jsonl")
    assert "messages[0] has from and value instead of role and content" in refused.stderr
    fix = refused.stderr.partition("Name the field that has them: `")[2].partition("`")[0]
    result = run(file, "--to", "Messages", "-o", tmp_path / "out.jsonl", *shlex.split(fix))
    assert result.exit_code == 0, result.output
    (row,) = written(tmp_path / "out.jsonl")
    assert [message["role"] for message in row["messages"]] == ["user", "assistant"]


EXCEL = "Meldung;Fach;Ort\r\nGrößere Blutung;Chirurgie;Nord\r\n".encode("cp1252")
NAMED = ("--to", "PromptCompletion", "--field", "prompt=Meldung", "--field", "completion=Fach")


def test_a_table_of_excel_is_read_in_its_encoding_and_keeps_its_other_columns(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(EXCEL)
    refused = run(tmp_path / "a.csv", "-o", tmp_path / "out.jsonl", *NAMED)
    assert "a.csv:2: not UTF-8" in refused.stderr
    hint = refused.stderr.partition("cp1252: `fedtrain convert ")[2].strip().rstrip("`.")
    assert hint == f"{tmp_path}/a.csv --encoding cp1252 -o {tmp_path}/out.jsonl {' '.join(NAMED)}"
    result = run(*shlex.split(hint))
    assert result.exit_code == 0, result.output
    assert written(tmp_path / "out.jsonl") == [{"prompt": "Größere Blutung", "completion": "Chirurgie", "Ort": "Nord"}]


@pytest.mark.parametrize(
    ("encoding", "message"),
    [
        ("ascii", "a.csv: not ascii (byte 21 of the file)"),
        ("klingon", "'klingon' is not an encoding"),
        ("punycode", "a.csv: not punycode"),
    ],
)
def test_a_wrong_encoding_is_named(tmp_path: Path, encoding: str, message: str) -> None:
    (tmp_path / "a.csv").write_bytes(EXCEL)
    result = run(tmp_path / "a.csv", "--encoding", encoding, "-o", tmp_path / "out.jsonl")
    assert result.exit_code != 0
    assert message in result.stderr


def test_an_encoding_that_gives_halves_of_surrogate_pairs_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "\\ud800"}')
    result = run(tmp_path / "a.jsonl", "--encoding", "raw_unicode_escape", "-o", tmp_path / "out.jsonl")
    assert "a.jsonl: not raw-unicode-escape. Name another" in result.stderr.replace("\nhint: ", ". ")


@pytest.mark.parametrize("options", [(), ("--to", "Messages"), ("--drop-repeated",)])
def test_half_a_surrogate_pair_in_another_field_stays_an_escape(tmp_path: Path, options: tuple[str, ...]) -> None:
    (tmp_path / "a.json").write_text('[{"prompt": "ü", "completion": " b", "note": "\\udfff"}]')
    result = run(tmp_path / "a.json", *options, "-o", tmp_path / "out.jsonl")
    assert result.exit_code == 0, result.output
    assert written(tmp_path / "out.jsonl")[0]["note"] == "\udfff"


FAULTY = "prompt,completion\na, x\nb,\na, x\nc\nd,\ne, y\n"


def test_all_invalid_rows_are_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(FAULTY)
    result = run(tmp_path / "a.csv", "-o", tmp_path / "out.jsonl", "--to", "PromptCompletion")
    assert result.exit_code == 1
    places = [f"{tmp_path / 'a.csv'}:{line}:" for line in (3, 5, 6)]
    assert [line.split(" ")[0] for line in result.stderr.splitlines()[1:4]] == places
    assert result.stderr.splitlines()[0] == "error: 3 rows are invalid:"
    assert result.stderr.endswith("hint: Correct them, or leave them out with --skip-invalid.\n")
    assert not (tmp_path / "out.jsonl").exists()


def test_invalid_and_repeated_rows_are_left_out_and_counted(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(FAULTY)
    options = ("--to", "PromptCompletion", "--skip-invalid", "--drop-repeated")
    result = run(tmp_path / "a.csv", "-o", tmp_path / "out.jsonl", *options)
    assert result.exit_code == 0, result.output
    assert [row["prompt"] for row in written(tmp_path / "out.jsonl")] == ["a", "e"]
    first = f'{tmp_path / "a.csv"}:3: field "completion" is empty, so there is nothing to learn'
    assert result.output.splitlines()[:3] == [
        f"{tmp_path / 'out.jsonl'}: 2 rows",
        f"left out: 3 invalid rows (first: {first})",
        "left out: 1 repeated row",
    ]


TICKETS = "No,prompt,completion\n1,a, x\n2,a, x\n3,, x\n4,b,  \n5,c, y\n"


@pytest.mark.parametrize("options", [("--to", "PromptCompletion"), ()])
def test_rows_that_differ_only_in_other_columns_are_repeated(tmp_path: Path, options: tuple[str, ...]) -> None:
    (tmp_path / "a.csv").write_text(TICKETS)
    result = run(tmp_path / "a.csv", "-o", tmp_path / "out.jsonl", "--drop-repeated", *options)
    assert result.exit_code == 0, result.output
    assert [row["No"] for row in written(tmp_path / "out.jsonl")] == ["1", "3", "4", "5"]
    assert "left out: 1 repeated row\n" in result.output


def test_rows_without_a_format_are_repeated_if_all_columns_are_equal(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("No,Frage\n1,a\n2,a\n2,a\n")
    result = run(tmp_path / "a.csv", "-o", tmp_path / "out.jsonl", "--drop-repeated")
    assert [row["No"] for row in written(tmp_path / "out.jsonl")] == ["1", "2"]
    assert "left out: 1 repeated row\n" in result.output


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ("--field prompt=txt --field completion=label", "a.csv:2: the table has no column `txt`"),
        ("--field prompt=text", "a.csv:2: the row has the fields text, label, which match no format"),
        ("--field text=body", "a.csv:2: the table has no column `body`"),
    ],
)
def test_columns_that_do_not_say_which_rows_are_repeated_are_refused(
    tmp_path: Path, options: str, problem: str
) -> None:
    (tmp_path / "a.csv").write_text("text,label\na,x\na,y\n")
    result = run(tmp_path / "a.csv", "-o", tmp_path / "out.jsonl", "--drop-repeated", *options.split())
    assert result.exit_code == 1
    assert problem in result.stderr
    assert not (tmp_path / "out.jsonl").exists()


def test_a_conversion_without_repeated_rows_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("prompt,completion\na, x\n")
    result = run(tmp_path / "a.csv", "-o", tmp_path / "out.jsonl", "--drop-repeated")
    assert "left out: no repeated rows\n" in result.output


def test_rows_with_a_blank_prompt_or_answer_are_named_and_left_out_on_request(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(TICKETS)
    options = ("--to", "PromptCompletion", "--separator", "\n=> ")
    kept = run(tmp_path / "a.csv", "-o", tmp_path / "kept.jsonl", *options)
    prompt, answer = [line for line in kept.stderr.splitlines() if line.startswith("warning")]
    source = tmp_path / "a.csv"
    assert prompt.startswith(f'warning: {source}:4: field "prompt" has only blanks')
    assert answer.startswith(f'warning: {source}:5: field "completion" has only blanks')
    assert prompt.endswith("--skip-invalid leaves such rows out (1 row)")
    left = run(tmp_path / "a.csv", "-o", tmp_path / "left.jsonl", *options, "--skip-invalid")
    assert [row["No"] for row in written(tmp_path / "left.jsonl")] == ["1", "2", "5"]
    assert f"left out: 2 rows with a blank prompt or answer (first: {source}:4)\n" in left.output
    assert "warning" not in left.output


def test_a_separator_stands_between_prompt_and_completion(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("prompt,completion\nFieber,Innere\n")
    joined = run(tmp_path / "a.csv", "-o", tmp_path / "joined.jsonl", "--to", "PromptCompletion")
    assert "so begin the completion with a blank. --separator ' ' does that (1 row)" in joined.output
    result = run(
        tmp_path / "a.csv", "-o", tmp_path / "out.jsonl", "--to", "PromptCompletion", "--separator", r"\nFach: "
    )
    assert written(tmp_path / "out.jsonl") == [{"prompt": "Fieber\nFach:", "completion": " Innere"}]
    assert "warning" not in result.output
    assert f"\nnext:\n  fedtrain split {tmp_path / 'out.jsonl'} --participants 4 --base BASE --out " in result.output


@pytest.mark.parametrize("row", [{"prompt": "a", "completion": "x"}, {"instruction": "a", "output": "x"}])
def test_blanks_of_a_separator_begin_the_choices_too(tmp_path: Path, row: dict[str, str]) -> None:
    rows = source(tmp_path, {**row, "choices": ["x", "y"]})
    run(rows, "-o", tmp_path / "out.jsonl", "--to", "PromptCompletion", "--separator", "\n=>  ")
    made = written(tmp_path / "out.jsonl")[0]
    assert made["prompt"].endswith("\n=>")
    assert (made["completion"], made["choices"]) == ("  x", ["  x", "  y"])


@pytest.mark.parametrize(
    ("separator", "prompt", "completion"),
    [(" =>", "a =>", " x"), (" => ", "a =>", "x"), (r"\n=> ", "a\n=>", " x"), (" ", "a", " x"), (" ", "a ", "x")],
)
def test_a_separator_that_all_rows_have_already_is_refused(
    tmp_path: Path, separator: str, prompt: str, completion: str
) -> None:
    row = {"prompt": prompt, "completion": completion}
    options = ("-o", tmp_path / "out.jsonl", "--to", "PromptCompletion", "--separator", separator)
    result = run(source(tmp_path, row, row), *options)
    assert result.exit_code == 1
    assert "all 2 rows have " in result.stderr
    assert "between prompt and completion already, and --separator would add another one" in result.stderr
    assert "hint: Leave out --separator." in result.stderr
    assert not (tmp_path / "out.jsonl").exists()
    assert run(source(tmp_path, row, {"prompt": "b", "completion": "y"}), *options).exit_code == 0


def test_a_separator_needs_prompts(tmp_path: Path) -> None:
    result = run(source(tmp_path, MESSAGES), "-o", tmp_path / "out.jsonl", "--to", "Messages", "--separator", " ")
    assert "--separator needs --to PromptCompletion" in result.stderr


def test_the_hint_for_unknown_columns_names_two_of_them(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Frage,Antwort des Amts,Ort\nq,a,Nord\n")
    result = run(tmp_path / "a.csv", "-o", tmp_path / "out.jsonl", "--to", "Messages")
    assert (
        "hint: Name each field that differs, such as `--field prompt=Frage --field 'completion=Antwort des Amts'`. "
        "The first line of a table must be its header.\n"
    ) in result.stderr


@pytest.mark.parametrize(
    ("table", "options", "hint"),
    [
        (
            "text,queue,ward\nq,a,w\n",
            "--to PromptCompletion",
            "If other columns have the answers, name both, such as `--field prompt=text --field completion=queue`.",
        ),
        (
            "text,queue,ward\nq,w,a\n",
            "--to Messages --field completion=ward",
            "If other columns have the answers, name both, such as `--field prompt=text --field completion=ward`.",
        ),
        (
            "question,answer\nq,a\n",
            "--to PromptCompletion --field question=prompt --field completion=answer",
            "The two sides are the wrong way round. Write `--field prompt=question --field completion=answer`.",
        ),
        (
            "prompt,completion\nq,a\n",
            "--to PromptCompletion --field question=prompt",
            "Leave out `--field question=prompt`: the data already has a column `prompt`.",
        ),
        (
            "prompt,reply\nq,a\n",
            "--to PromptCompletion --field question=prompt --field reply=completion",
            "Leave out `--field question=prompt`: the data already has a column `prompt`. Write `--field "
            "completion=reply`.",
        ),
        (
            "text,queue\nq,a\n",
            "--to Messages --field question=prompt",
            "Write the field before the `=` and a column of the data after it, for example `--field prompt=text "
            "--field completion=queue`.",
        ),
    ],
)
def test_the_fix_of_a_hint_about_columns_works(tmp_path: Path, table: str, options: str, hint: str) -> None:
    (tmp_path / "a.csv").write_text(table)
    arguments = (tmp_path / "a.csv", "-o", tmp_path / "out.jsonl", *options.split())
    result = run(*arguments)
    assert (result.exit_code, result.stderr.partition("\nhint: ")[2]) == (1, f"{hint}\n")
    fix = re.findall(r"--field \w+=\w+", hint.partition("Leave out `--field question=prompt`")[2] or hint)
    result = run(*arguments[:5], *(word for option in fix for word in option.split()))
    assert result.exit_code == 0, result.output
    (row,) = written(tmp_path / "out.jsonl")
    found = [row["prompt"], row["completion"]] if "prompt" in row else [one["content"] for one in row["messages"]]
    assert found == ["q", "a"]


def test_labels_that_differ_only_in_case_or_blanks_are_a_warning(tmp_path: Path) -> None:
    answers = ["Heart", "Skin", "heart", "Skin ", "Heart", "Skin"] * 2 + ["Heart", "Skin"]
    lines = [f"note {number},{answer}" for number, answer in enumerate(answers)]
    (tmp_path / "a.csv").write_text("\n".join(["Note,Ward", *lines]))
    fields = ("--to", "PromptCompletion", "--field", "prompt=Note", "--field", "completion=Ward", "--separator", ": ")
    result = run(tmp_path / "a.csv", "-o", tmp_path / "out.jsonl", *fields)
    assert (
        f"warning: 4 answers differ from a more frequent one only in case or blanks (first: {tmp_path / 'a.csv'}:4, "
        f"unlike {tmp_path / 'a.csv'}:2), so they are learned and counted as other labels. Write each label in one "
        "way.\n"
    ) in result.stderr
    (tmp_path / "b.csv").write_text("Note,Ward\n1,Heart\n2,Skin\n3,Heart\n4,Skin\n")
    assert "warning" not in run(tmp_path / "b.csv", "-o", tmp_path / "b.jsonl", *fields).output


def test_answers_that_are_not_labels_may_differ_in_case(tmp_path: Path) -> None:
    rows = [{"prompt": str(number), "completion": text} for number, text in enumerate(("Oak.", "oak.", "An elm."))]
    result = run(source(tmp_path, *rows), "-o", tmp_path / "out.jsonl", "--to", "PromptCompletion")
    assert "only in case" not in result.output


def test_the_hint_takes_the_column_with_the_most_words_for_the_prompt(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("case,site,finding,sent_to\nK100135,North,chest pain since this morning,Heart\n")
    result = run(tmp_path / "a.csv", "-o", tmp_path / "out.jsonl", "--to", "PromptCompletion")
    assert "such as `--field prompt=finding --field completion=sent_to`" in result.stderr


def test_the_next_command_measures_labels_on_test_data(tmp_path: Path) -> None:
    def said(name: str, rows: int, labels: int) -> str:
        lines = [f"{number},{number % labels}" for number in range(rows)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["prompt,completion", *lines]))
        options = ("--to", "PromptCompletion", "--separator", ": ")
        return run(tmp_path / f"{name}.csv", "-o", tmp_path / f"{name}.jsonl", *options).output

    assert "--participants 4 --label completion --test-fraction 0.1 --base BASE --out" in said("labelled", 40, 2)
    assert "--participants 4 --test-fraction 0.1 --base BASE --out" in said("free", 40, 40)
    assert "--participants 4 --label completion --base BASE --out" in said("few", 39, 2)


def test_numbers_of_a_table_become_texts_in_the_fields_of_the_format(tmp_path: Path) -> None:
    table = pa.table({"text": ["a", "b"], "label": [1, 2], "score": [1.0, None], "No": [7, 8]})
    pq.write_table(table, tmp_path / "a.parquet")
    named = ("--to", "PromptCompletion", "--field", "prompt=text", "--field")
    made = run(tmp_path / "a.parquet", "-o", tmp_path / "out.jsonl", *named, "completion=label")
    assert made.exit_code == 0, made.output
    assert written(tmp_path / "out.jsonl")[0] == {"prompt": "a", "completion": "1", "score": 1.0, "No": 7}
    made = run(tmp_path / "a.parquet", "-o", tmp_path / "b.jsonl", *named, "completion=score", "--skip-invalid")
    assert [row["completion"] for row in written(tmp_path / "b.jsonl")] == ["1"]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("", "all 2 rows are invalid, so --skip-invalid leaves none (first: "),
        ("  ", "all 2 rows have a blank prompt or answer (first: "),
    ],
)
def test_data_of_which_skip_invalid_leaves_nothing_are_refused(tmp_path: Path, answer: str, problem: str) -> None:
    (tmp_path / "a.csv").write_text(f"prompt,completion\na,{answer}\nb,{answer}\n")
    result = run(tmp_path / "a.csv", "-o", tmp_path / "out.jsonl", "--to", "PromptCompletion", "--skip-invalid")
    assert result.exit_code == 1
    assert problem in result.stderr
    assert not (tmp_path / "out.jsonl").exists()
