"""`fedtrain validate` refuses a tokenizer that writes tokens for which the base model has no weights."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from valid_base import CHATML, CONFIG
from validated_data import errors, federation, texts, validate

pytestmark = pytest.mark.usefixtures("in_the_folder")

ROWS = CONFIG["vocab_size"]
WORDS = ["<|im_end|>", "?", *(f"word{number}" for number in range(ROWS - 2))]


def words(folder: Path, *, more: Mapping[str, int] | None = None, added: Mapping[str, int] | None = None) -> None:
    """Write a tokenizer of one token for each row of the embedding, and `more`."""
    vocabulary = {word: number for number, word in enumerate(WORDS)} | dict(more or {})
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()  # pyright: ignore[reportAttributeAccessIssue]
    plain: dict[str, Any] = json.loads(tokenizer.to_str())
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False) | {"special": True}
    plain["added_tokens"] = [{"content": text, "id": number} | flags for text, number in (added or {}).items()]
    (folder / "base/tokenizer.json").write_text(json.dumps(plain))


def test_a_vocabulary_larger_than_the_embedding_is_an_error_also_if_no_row_has_such_a_token(tmp_path: Path) -> None:
    file = federation(tmp_path)
    words(tmp_path)
    assert validate(file).exit_code == 0
    words(tmp_path, more={"far": 40, "farther": 41})
    assert errors(file) == [
        f"{file}:5:17: spec.model.base: {tmp_path / 'base/tokenizer.json'} has 34 tokens with ids up to 41, but the "
        "embedding of the base model has 32 rows (ids 0 to 31): 2 tokens have no weights. Copy the tokenizer and the "
        "weights from the same model."
    ]


def test_pieces_of_a_unigram_tokenizer_are_counted(tmp_path: Path) -> None:
    file = federation(tmp_path)
    pieces = [[f"piece{number}", -1.0] for number in range(ROWS + 1)]
    (tmp_path / "base/tokenizer.json").write_text(
        json.dumps({"model": {"type": "Unigram", "unk_id": 0, "vocab": pieces}})
    )
    (tmp_path / "base/tokenizer_config.json").write_text("{}")
    (line,) = errors(file)
    assert "has 33 tokens with ids up to 32, but the embedding of the base model has 32 rows" in line


def test_an_end_token_that_is_not_in_the_vocabulary_is_an_error(tmp_path: Path) -> None:
    file = federation(tmp_path)
    words(tmp_path)
    settings = tmp_path / "base/tokenizer_config.json"
    for end in ("</s>", {"content": "</s>"}):
        settings.write_text(json.dumps({"eos_token": end}))
        assert errors(file) == [
            f"{file}:5:17: spec.model.base: {settings} has the eos_token `</s>`, but none of the 32 tokens in "
            f"tokenizer.json is `</s>`, so the base model cannot learn to end an answer with it. Set `eos_token` to "
            "the token that ends a text of this model, or copy the tokenizer again."
        ]


def test_the_end_token_of_the_models_settings_is_proposed(tmp_path: Path) -> None:
    file = federation(tmp_path)
    words(tmp_path)
    (tmp_path / "base/config.json").write_text(json.dumps(CONFIG | {"eos_token_id": 0}))
    (tmp_path / "base/tokenizer_config.json").write_text(json.dumps({"eos_token": "</s>"}))
    (line,) = errors(file)
    assert line.endswith("Set `eos_token` to `<|im_end|>`, which config.json names, or copy the tokenizer again.")


@pytest.mark.parametrize("listed", [True, False])
def test_an_added_end_token_without_weights_is_an_error(tmp_path: Path, listed: bool) -> None:
    file = federation(tmp_path)
    words(tmp_path, added={"</s>": 32} if listed else None)
    settings: dict[str, Any] = {"eos_token": "</s>", "added_tokens_decoder": {"32": {"content": "</s>"}}}
    (tmp_path / "base/tokenizer_config.json").write_text(json.dumps(settings))
    (line,) = errors(file)
    assert (
        "the eos_token `</s>` with id 32, but the embedding of the base model has 32 rows (ids 0 to 31), so it has no "
        "weights. Use the tokenizer of the base model, or"
    ) in line


def test_added_tokens_without_weights_are_refused_only_if_a_row_has_one(tmp_path: Path) -> None:
    """Models of text that are derived from one of images have a token of images without weights."""
    file = federation(tmp_path)
    words(tmp_path, added={"<image>": 32})
    assert validate(file).exit_code == 0
    file = federation(tmp_path, [*texts("one"), *texts("word1 <image>")])
    words(tmp_path, added={"<image>": 32})
    (line,) = errors(file)
    assert line == (
        f"{file}:5:17: spec.model.base: a.jsonl:2 has the token `<image>`, to which {tmp_path / 'base/tokenizer.json'} "
        "gives the id 32, but the embedding of the base model has 32 rows (ids 0 to 31), so it has no weights. Use a "
        "base model that has this token, or remove it from the rows and the chat template."
    )


def test_added_tokens_of_the_chat_template_need_weights(tmp_path: Path) -> None:
    chat = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
    file = federation(tmp_path, [chat], [chat], [chat], format="Messages")
    (tmp_path / "base/chat_template.jinja").write_text(CHATML)
    words(tmp_path, added={"<|im_start|>": 32})
    (line,) = errors(file)
    assert "a.jsonl:1 has the token `<|im_start|>`" in line


def test_a_tokenizer_that_fails_on_a_text_is_an_error_and_not_a_traceback(tmp_path: Path) -> None:
    file = federation(tmp_path)
    model = {"type": "WordLevel", "vocab": {"<|im_end|>": 0}, "unk_token": "?"}
    (tmp_path / "base/tokenizer.json").write_text(json.dumps({"version": "1.0", "model": model}))
    (line,) = errors(file)
    assert line == (
        f"{file}:5:17: spec.model.base: {tmp_path / 'base/tokenizer.json'} cannot tokenize the rows: a text has a "
        "token that is not in its vocabulary, and it has no token for unknown ones, or it is damaged. Copy the base "
        "model's tokenizer again."
    )
