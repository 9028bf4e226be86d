"""What each row format accepts, and the one form that the trainer gets."""

import json
from pathlib import Path
from typing import Any, get_args

import pytest

from fedtrain.api.data import FORMAT_FIELDS, Fields, Format
from fedtrain.data.errors import DataError
from fedtrain.data.formats import FORMATS, RowChecker
from fedtrain.data.formats.instruction import as_conversation, as_prompt
from fedtrain.data.reader import read_rows
from fedtrain.data.row import Row, answer, digest_of_rows

TREE = [{"role": "user", "content": "Name a tree."}, {"role": "assistant", "content": "Oak."}]
CALL = {"id": "c1", "type": "function", "function": {"name": "lookup", "arguments": '{"plant": "oak"}'}}
TOOL = {"type": "function", "function": {"name": "lookup", "parameters": {"type": "object", "properties": {}}}}
CALLED = {"id": "c1", "type": "function", "function": {"name": "lookup", "arguments": {"plant": "oak"}}}


def read(row: object, format: Format, fields: Fields | None = None) -> Row:
    return RowChecker(format, fields).check(row, "x.jsonl:1")


def refused(row: object, format: Format, fields: Fields | None = None) -> str:
    with pytest.raises(DataError) as caught:
        read(row, format, fields)
    return str(caught.value)


def test_every_format_of_the_api_has_a_reader_and_reads_fields_that_can_be_renamed() -> None:
    assert set(FORMATS) == set(get_args(Format)) == set(FORMAT_FIELDS)
    for name, form in FORMATS.items():
        assert set(form.required) <= set(FORMAT_FIELDS[name]) <= set(Fields.model_fields)


@pytest.mark.parametrize(
    ("format", "row", "fields"),
    [
        ("Messages", {"messages": TREE, "id": 7}, {"messages": TREE}),
        (
            "Messages",
            {
                "messages": [
                    {"role": "user", "content": [{"type": "text", "text": "Name "}, {"text": "a tree."}]},
                    TREE[1],
                ]
            },
            {"messages": TREE},
        ),
        ("Messages", {"messages": TREE, "tools": json.dumps([TOOL])}, {"messages": TREE, "tools": [TOOL]}),
        ("Messages", {"messages": json.dumps(TREE)}, {"messages": TREE}),
        ("PromptCompletion", {"prompt": "q", "completion": " a"}, {"prompt": "q", "completion": " a"}),
        ("PromptCompletion", {"prompt": TREE[:1], "completion": TREE[1:]}, {"messages": TREE}),
        ("PromptCompletion", {"prompt": TREE[:1], "completion": "Oak."}, {"messages": TREE}),
        (
            "PromptCompletion",
            {"prompt": [*TREE, TREE[0]], "completion": TREE[1:]},
            {"messages": [TREE[0], {**TREE[1], "weight": 0}, *TREE]},
        ),
        ("Text", {"text": "a"}, {"text": "a"}),
        ("Instruction", {"instruction": "i", "input": "", "output": "o"}, {"instruction": "i", "output": "o"}),
        ("Instruction", {"instruction": "i", "input": None, "output": "o"}, {"instruction": "i", "output": "o"}),
        (
            "ShareGPT",
            {"conversations": [{"from": "human", "value": "Name a tree."}, {"from": "gpt", "value": "Oak."}]},
            {"messages": TREE},
        ),
        (
            "ShareGPT",
            {
                "system": "Be brief.",
                "conversations": [{"from": "human", "value": "Name a tree."}, {"from": "gpt", "value": "Oak."}],
            },
            {"messages": [{"role": "system", "content": "Be brief."}, *TREE]},
        ),
    ],
)
def test_a_row_is_read(format: Format, row: dict[str, Any], fields: dict[str, Any]) -> None:
    assert read(row, format).fields == fields


def test_a_name_twice_in_the_arguments_of_a_tool_call_is_named() -> None:
    call = {"function": {"name": "lookup", "arguments": '{"plant": "oak", "plant": "fir"}'}}
    row = RowChecker("Messages").check({"messages": [TREE[0], {"role": "assistant", "tool_calls": [call]}]}, "a:1")
    (warning,) = row.warnings
    assert warning.text("a:1") == (
        'a:1: field "messages[1].tool_calls[0].function.arguments" has the same name in an object twice; the last '
        "value is used"
    )


def test_a_tool_call_is_read_with_its_arguments_as_an_object() -> None:
    calls = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    result = {"role": "tool", "content": "20 m", "tool_call_id": "c1"}
    row = read({"messages": [TREE[0], calls, result, TREE[1]], "tools": [TOOL]}, "Messages")
    assert row.fields["messages"][1] == {"role": "assistant", "content": "", "tool_calls": [CALLED]}
    assert row.fields["messages"][2] == result
    assert row.fields["tools"] == [TOOL]


def test_a_sharegpt_function_call_is_a_tool_call() -> None:
    turns = [
        {"from": "human", "value": "How tall is an oak?"},
        {"from": "function_call", "value": '{"name": "lookup", "arguments": {"plant": "oak"}}'},
        {"from": "observation", "value": "20 m"},
        {"from": "gpt", "value": "20 metres."},
    ]
    messages = read({"conversations": turns}, "ShareGPT").fields["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "assistant"]
    assert messages[1]["tool_calls"] == [{name: CALLED[name] for name in ("type", "function")}]


@pytest.mark.parametrize("mask", [{"weight": 0}, {"train": False}, {"weight": 1, "train": False}])
def test_a_turn_can_be_left_out_of_the_loss(mask: dict[str, Any]) -> None:
    row = read({"messages": [TREE[0], {**TREE[1], **mask}, *TREE]}, "Messages")
    assert [message.get("weight") for message in row.fields["messages"]] == [None, 0, None, None]


def test_a_turn_with_the_default_weight_is_the_same_row() -> None:
    plain = read({"messages": TREE}, "Messages")
    weighted = read({"messages": [TREE[0], {**TREE[1], "weight": 1, "train": True}]}, "Messages")
    assert digest_of_rows([weighted]) == digest_of_rows([plain])


def test_renamed_fields_give_the_same_row() -> None:
    renamed = read({"frage": "q", "antwort": " a"}, "PromptCompletion", Fields(prompt="frage", completion="antwort"))
    assert renamed.fields == {"prompt": "q", "completion": " a"}


def test_a_row_with_the_formats_own_names_is_not_sent_to_its_own_format() -> None:
    with pytest.raises(DataError) as refused:
        read({"prompt": "q", "completion": "a"}, "PromptCompletion", Fields(prompt="frage"))
    assert str(refused.value).endswith(
        "; remove `prompt` from `data.fields`, because this row already has `prompt` and `completion`; if rows of "
        "other files have the names in data.fields, rename those instead"
    )


@pytest.mark.parametrize(
    ("format", "row", "message"),
    [
        ("Messages", {"conversations": []}, "set `data.format: ShareGPT`, whose fields this row has"),
        ("Messages", {"instruction": "i", "output": "o"}, "set `data.format: Instruction`, whose fields this row has"),
        ("PromptCompletion", {"question": "q"}, "add it to this row; if no row has it, set its name in `data.fields`"),
        (
            "Messages",
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}, TREE[1]]},
            "messages[0].content[0] must be a part {type: text, text}",
        ),
        ("Messages", {"messages": [TREE[0], {**TREE[1], "weight": 0}]}, "no assistant turn is learned"),
        ("Messages", {"messages": [TREE[0], {**TREE[1], "weight": 0.5}]}, "messages[1].weight must be 0 or 1"),
        (
            "Messages",
            {"messages": [TREE[0], {**TREE[1], "train": "no"}]},
            "messages[1].train must be true or false, not text",
        ),
        ("Messages", {"messages": [TREE[0], {"role": "assistant", "content": ""}]}, "the last answer is empty"),
        (
            "Messages",
            {"messages": [TREE[0], {"role": "assistant", "content": None}]},
            'messages[1] must have text in "content", which is missing',
        ),
        (
            "Messages",
            {"messages": [TREE[0], {"role": "assistant", "function_call": {}}]},
            "messages[1].function_call is not supported; write the call as `tool_calls`",
        ),
        (
            "Messages",
            {"messages": [TREE[0], {"role": "assistant", "tool_calls": [{}]}]},
            "messages[1].tool_calls[0] must be an object {function: {name, arguments}}",
        ),
        (
            "Messages",
            {"messages": [TREE[0], {"role": "assistant", "tool_calls": [{"name": "f", "arguments": "{"}]}]},
            "messages[1].tool_calls[0].function.arguments must be a JSON object",
        ),
        (
            "Messages",
            {"messages": [{**TREE[0], "tool_calls": [CALL]}, TREE[1]]},
            "messages[0].tool_calls: only an assistant turn can call tools",
        ),
        (
            "Messages",
            {"messages": TREE, "tools": "lookup"},
            'field "tools" must be a list of tool definitions, not text',
        ),
        (
            "PromptCompletion",
            {"prompt": ["Patient 4711"], "completion": " x"},
            "prompt[0] must be an object {role, content}, not text",
        ),
        (
            "PromptCompletion",
            {"prompt": 7, "completion": TREE[1:]},
            'field "prompt" must be text or a list of {role, content}, not a number',
        ),
        ("Instruction", {"instruction": "i", "input": "x", "output": ""}, 'field "output" is empty'),
        (
            "ShareGPT",
            {"conversations": [{"from": "bot", "value": "x"}]},
            "conversations[0].from must be one of system, human",
        ),
        (
            "ShareGPT",
            {"conversations": [{"from": "gpt"}]},
            'conversations[0] must have text in "value", which is missing',
        ),
    ],
)
def test_a_row_is_refused_with_the_field_and_the_fix(format: Format, row: dict[str, Any], message: str) -> None:
    assert refused(row, format).startswith("x.jsonl:1: ")
    assert message in refused(row, format)


def test_a_refusal_uses_the_names_of_the_data_set() -> None:
    fields = Fields(prompt="frage", completion="antwort")
    assert 'field "antwort" is missing' in refused({"frage": "q"}, "PromptCompletion", fields)


@pytest.mark.parametrize(
    ("format", "line", "warning"),
    [
        ("PromptCompletion", '{"prompt": "q", "completion": "   "}', 'field "completion" has only blanks'),
        (
            "PromptCompletion",
            '{"prompt": "q", "completion": " a", "completion": " b"}',
            'field "completion" is in the row twice',
        ),
        ("PromptCompletion", '{"prompt": "q", "completion": "a"}', 'field "prompt" ends with a word'),
        (
            "Messages",
            json.dumps({"messages": [{"role": "User", "content": "q"}, TREE[1]]}),
            'field "messages[0].role" is not one of',
        ),
        (
            "Messages",
            json.dumps({"messages": [TREE[0], {"role": "assistant", "content": "\n"}, *TREE]}),
            'field "messages" has only blanks',
        ),
        ("PromptCompletion", '{"prompt": "", "completion": " a"}', 'field "prompt" has only blanks'),
        ("PromptCompletion", '{"prompt": "q", "completion": "\\u200b\\u0000"}', 'field "completion" has only blanks'),
        ("PromptCompletion", '{"prompt": "\\ufeff", "completion": " a"}', 'field "prompt" has only blanks'),
        ("Text", '{"text": " \\u00ad"}', 'field "text" has only blanks'),
        ("Instruction", '{"instruction": " ", "output": "a"}', 'field "instruction" has only blanks'),
        (
            "Messages",
            json.dumps({"messages": [{"role": "user", "content": "\n"}, TREE[1]]}),
            'field "messages[0].content" has only blanks',
        ),
    ],
)
def test_a_row_that_is_probably_wrong_has_a_warning(tmp_path: Path, format: Format, line: str, warning: str) -> None:
    (tmp_path / "a.jsonl").write_text(line)
    (row,) = read_rows(str(tmp_path), format)
    (found,) = row.warnings
    assert found.text(row.where).startswith(f"a.jsonl:1: {warning}")


@pytest.mark.parametrize("row", [("q ", "a"), ("q:", "a"), ("q", "\na"), ("樹", "木")])
def test_texts_that_can_be_joined_have_no_warning(row: tuple[str, str]) -> None:
    assert read({"prompt": row[0], "completion": row[1]}, "PromptCompletion").warnings == ()


def test_names_that_no_format_reads_may_be_repeated(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "a", "note": 1, "note": 2}')
    assert read_rows(str(tmp_path), "Text")[0].warnings == ()


def test_an_instruction_is_a_conversation_or_alpacas_prompt() -> None:
    row = read({"instruction": "Name the class.", "input": "a bird", "output": "animal"}, "Instruction")
    assert as_conversation(row).fields["messages"] == [
        {"role": "user", "content": "Name the class.\n\na bird"},
        {"role": "assistant", "content": "animal"},
    ]
    prompt = as_prompt(row).fields["prompt"]
    assert prompt.startswith("Below is an instruction that describes a task, paired with an input")
    assert prompt.endswith("### Instruction:\nName the class.\n\n### Input:\na bird\n\n### Response:\n")
    assert as_prompt(row).fields["completion"] == answer(row) == "animal"


def test_braces_in_an_instruction_stay_as_they_are() -> None:
    row = read({"instruction": "Return {x}", "input": "{input}", "output": "{}"}, "Instruction")
    assert "Return {x}\n\n### Input:\n{input}\n" in as_prompt(row).fields["prompt"]


@pytest.mark.parametrize(("levels", "valid"), [(90, True), (101, False), (2000, False)])
def test_nesting_is_bounded_in_every_version_of_python(tmp_path: Path, levels: int, valid: bool) -> None:
    nested = "[" * levels + "]" * levels
    (tmp_path / "a.jsonl").write_text(f'{{"text": "a", "extra": {nested}}}')
    if valid:
        assert len(read_rows(str(tmp_path), "Text")) == 1
        return
    with pytest.raises(DataError, match=r"^a\.jsonl:1: lists or objects are nested too deep; use at most 100 levels"):
        read_rows(str(tmp_path), "Text")


@pytest.mark.parametrize(
    ("value", "problem"),
    [("[" * 101 + "]" * 101, "nested too deep; use at most 100"), ("7" * 5000, "a number has too many digits; write")],
)
@pytest.mark.parametrize("field", ["tools", "arguments", "choices"])
def test_json_in_a_text_has_the_limits_of_a_row(field: str, value: str, problem: str) -> None:
    call = {**CALL, "function": {"name": "lookup", "arguments": f'{{"x": {value}}}'}}
    messages = [TREE[0], {"role": "assistant", "content": "", "tool_calls": [call]}] if field == "arguments" else TREE
    row = {"messages": messages} if field == "arguments" else {"messages": TREE, field: f"[{value}]"}
    path = "messages[1].tool_calls[0].function.arguments" if field == "arguments" else field
    assert refused(row, "Messages").startswith(f'x.jsonl:1: field "{path}": ')
    assert problem in refused(row, "Messages")


def test_nulls_of_a_table_are_missing_fields_at_every_level(tmp_path: Path) -> None:
    import datasets

    calls = {"role": "assistant", "content": "", "tool_calls": [CALL]}
    rows = [{"messages": [TREE[0], calls, {"role": "tool", "content": "20 m", "tool_call_id": "c1"}, TREE[1]]}]
    datasets.Dataset.from_list(rows).to_parquet(str(tmp_path / "rows.parquet"))
    (tmp_path / "rows.jsonl").write_text(json.dumps(rows[0]))
    table, lines = (read_rows(str(tmp_path / name), "Messages") for name in ("rows.parquet", "rows.jsonl"))
    assert digest_of_rows(table) == digest_of_rows(lines)
