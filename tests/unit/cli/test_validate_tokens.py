"""`fedtrain validate` and `fedtrain plan` warn of answers without an end token, and of control tokens in rows."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from valid_base import CHATML
from validated_data import federation, texts, validate, warnings

from fedtrain.cli.main import main

pytestmark = pytest.mark.usefixtures("in_the_folder")

ENDLESS = CHATML.replace("<|im_end|>", "")
MARKED = CHATML.replace("{{ m.content }}", "{% generation %}{{ m.content }}{% endgeneration %}")
MARKED_WITH_END = MARKED.replace("{% endgeneration %}<|im_end|>", "<|im_end|>{% endgeneration %}")
PLAIN = [{"prompt": "Why?", "completion": " So."}]
INSTRUCTION = [{"instruction": "Why?", "output": "So."}]


def chat(question: str = "Why?") -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": "So."}]}


def chats(folder: Path, template: str, a: list[dict[str, Any]] | None = None) -> Path:
    file = federation(folder, a or [chat("a")], [chat("b")], [chat("c")], format="Messages")
    (folder / "base/chat_template.jinja").write_text(template)
    return file


def settings(folder: Path, **changes: Any) -> None:
    (folder / "base/tokenizer_config.json").write_text(json.dumps(changes))


def about_tokens(file: Path) -> list[str]:
    return [line for line in warnings(file) if "token" in line]


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        (ENDLESS, "does not write one. Add one to the template, or use a base model whose template ends turns."),
        (
            MARKED,
            "writes it after `{% endgeneration %}`, or not at all. Move `{% endgeneration %}` behind the end token.",
        ),
    ],
)
def test_assistant_turns_that_never_end_are_counted(tmp_path: Path, template: str, fault: str) -> None:
    assert about_tokens(chats(tmp_path, template)) == [
        "3 of 3 checked rows have an assistant turn without an end token, so the model does not learn to stop "
        f"(first: a.jsonl:1): the base model's chat template {fault}"
    ]


@pytest.mark.parametrize("template", [CHATML, MARKED_WITH_END])
def test_turns_that_end_have_no_warning(tmp_path: Path, template: str) -> None:
    assert about_tokens(chats(tmp_path, template)) == []


def test_a_turn_may_end_with_a_token_that_only_the_vocabulary_has(tmp_path: Path) -> None:
    file = chats(tmp_path, CHATML)
    settings(tmp_path, eos_token="<|eos|>")
    assert len(about_tokens(file)) == 1
    added = [{"content": "<|im_end|>", "special": False}]
    (tmp_path / "base/tokenizer.json").write_text(json.dumps({"model": {}, "added_tokens": added}))
    assert about_tokens(file) == []


@pytest.mark.parametrize(("format", "rows"), [("Text", texts("So.")), ("PromptCompletion", PLAIN)])
@pytest.mark.parametrize("tokenizer", [{"eos_token": None}, {"tokenizer_class": "PreTrainedTokenizerFast"}], ids=str)
def test_a_tokenizer_without_an_end_token_is_named(
    tmp_path: Path, format: str, rows: list[dict[str, Any]], tokenizer: dict[str, Any]
) -> None:
    file = federation(tmp_path, rows, rows, rows, format=format)
    settings(tmp_path, **tokenizer)
    assert about_tokens(file) == [
        "3 of 3 checked rows have no end token after the answer, so the model does not learn to stop "
        "(first: a.jsonl:1): the base model's tokenizer has no `eos_token`. Set it in "
        f"{tmp_path / 'base/tokenizer_config.json'}."
    ]
    for known in ({"eos_token": "</s>"}, {"eos_token": {"content": "</s>"}}, {"tokenizer_class": "GPT2Tokenizer"}):
        settings(tmp_path, **known)
        assert about_tokens(file) == []


def test_the_end_token_of_a_model_from_hugging_face_is_set_in_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in the cache of this machine, which other participants do not have."""
    file = federation(tmp_path, PLAIN, PLAIN, PLAIN, format="PromptCompletion")
    settings(tmp_path, eos_token=None)
    cached = (tmp_path / "base").rename(tmp_path / "cached")
    file.write_text(file.read_text().replace("base: ./base,", f"base: org/model, revision: {'a1' * 20},"))
    monkeypatch.setattr("fedtrain.preview.model_facts.cached_folder", lambda *_: cached)
    (line,) = about_tokens(file)
    assert f"`hf download org/model --revision {'a1' * 20} --local-dir base`), set it in base/tokenizer_config" in line
    assert str(cached) not in line


@pytest.mark.parametrize(
    ("template", "begin"),
    [
        (ENDLESS, "3 of 3 checked rows have an assistant turn without an end token"),
        (None, "3 of 3 checked rows have no"),
    ],
)
def test_an_instruction_ends_as_it_is_trained(tmp_path: Path, template: str | None, begin: str) -> None:
    file = federation(tmp_path, INSTRUCTION, INSTRUCTION, INSTRUCTION, format="Instruction")
    settings(tmp_path, eos_token=None)
    (tmp_path / "base/chat_template.jinja").write_text(template or "")
    if template is None:
        (tmp_path / "base/chat_template.jinja").unlink()
    (line,) = about_tokens(file)
    assert line.startswith(begin)


def test_control_tokens_inside_a_text_are_counted(tmp_path: Path) -> None:
    rows = [*texts("one"), *[{"text": f"{word}<|im_end|>{word}"} for word in ("two", "three")]]
    assert about_tokens(federation(tmp_path, rows)) == [
        "2 of 6 checked rows have a control token of the base model's tokenizer in their text, such as `<|im_end|>` "
        "(first: a.jsonl:2). The model reads it as a mark, such as the end of a turn. Remove it; if it marks "
        "the turns of conversations, use `format: Messages`."
    ]


def test_a_special_token_of_the_vocabulary_is_a_control_token(tmp_path: Path) -> None:
    file = federation(tmp_path, texts("a <tool> b", "a <word> b"))
    added = [{"content": "<tool>", "special": True}, {"content": "<word>", "special": False}]
    (tmp_path / "base/tokenizer.json").write_text(json.dumps({"model": {}, "added_tokens": added}))
    (line,) = about_tokens(file)
    assert line.startswith(
        "1 of 5 checked rows has a control token of the base model's tokenizer in its text, such as `<tool>`"
    )


@pytest.mark.parametrize("tokens", [["<tool>"], {"7": "<tool>"}, {"7": {"content": 7}}, "<tool>"], ids=str)
def test_malformed_added_tokens_are_ignored(tmp_path: Path, tokens: object) -> None:
    file = federation(tmp_path, texts("a <tool> b"))
    settings(tmp_path, eos_token="</s>", added_tokens_decoder=tokens)
    (tmp_path / "base/tokenizer.json").write_text(json.dumps({"model": {}, "added_tokens": tokens}))
    assert about_tokens(file) == []


@pytest.mark.parametrize("tokenizer", [{"eos_token": "<|im_end|>"}, {"tokenizer_class": "GPT2Tokenizer"}], ids=str)
def test_a_text_that_ends_with_the_end_token_has_no_control_token(tmp_path: Path, tokenizer: dict[str, Any]) -> None:
    file = federation(tmp_path, texts("one<|im_end|>"))
    added = [{"content": "<|im_end|>", "special": True}]
    (tmp_path / "base/tokenizer.json").write_text(json.dumps({"model": {}, "added_tokens": added}))
    settings(tmp_path, **tokenizer)
    assert about_tokens(file) == []


def test_plan_shows_the_same_warnings_of_all_rows(tmp_path: Path) -> None:
    file = chats(tmp_path, ENDLESS, [chat(str(number)) for number in range(300)])
    result = CliRunner().invoke(main, ["plan", str(file), "-o", "json"])
    (note,) = [line for line in json.loads(result.stdout)["notes"] if "end token" in line]
    assert note.startswith("302 of 302 checked rows have an assistant turn without an end token")
    assert note in validate(file).stderr
