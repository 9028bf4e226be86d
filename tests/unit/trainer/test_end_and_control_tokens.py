"""End tokens of answers, and control tokens inside a row's text."""

import json
import shutil
from typing import Any

import pytest
from fedtrain_trainer.control_tokens import has_control_tokens
from fedtrain_trainer.examples import Encoder
from tiny_federation import Federation, tokenizer

from fedtrain.data.row import Row

TURNS = [{"role": "user", "content": "a cat is"}, {"role": "assistant", "content": "animal"}]
ENDLESS = (
    "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)
MARKED = "{% for m in messages %}{% generation %}{{ m['content'] }}{% endgeneration %}<|end|>{% endfor %}"
MARKED_WITH_END = MARKED.replace("{% endgeneration %}<|end|>", "<|end|>\n{% endgeneration %}")


@pytest.mark.parametrize(
    ("format", "plain", "ended"),
    [
        ("PromptCompletion", {"prompt": "a cat is", "completion": " animal"}, {"completion": " animal<|eos|>"}),
        ("Text", {"text": "a cat"}, {"text": "a cat<|eos|>"}),
    ],
)
def test_a_text_that_ends_with_the_end_token_gets_no_second_one(
    format: Any, plain: dict[str, str], ended: dict[str, str]
) -> None:
    encoder = Encoder(tokenizer(), {format}, 64)
    (one,), (other,) = encoder.examples([Row("x:1", plain), Row("x:2", plain | ended)])
    assert one == other


def test_a_choice_that_ends_with_the_end_token_gets_no_second_one() -> None:
    row = Row("x:1", {"prompt": "a cat is", "completion": " animal<|eos|>"})
    encoder = Encoder(tokenizer(), {"PromptCompletion"}, 64)
    (question,) = encoder.questions([row], [[" animal<|eos|>", " plant"]])
    assert [answer.count(0) for answer in question.answers] == [1, 1]


@pytest.mark.parametrize(
    ("template", "ends"), [(None, True), (ENDLESS, False), (MARKED, False), (MARKED_WITH_END, True)]
)
def test_an_assistant_turn_without_an_end_token_is_found(template: str | None, ends: bool) -> None:
    words = tokenizer()
    words.chat_template = template or words.chat_template
    ((example,),) = Encoder(words, {"Messages"}, 64).examples([Row("x:1", {"messages": TURNS})])
    assert example.has_end is ends


def test_answers_of_a_tokenizer_without_an_end_token_have_no_end() -> None:
    words = tokenizer()
    words.eos_token = None
    ((example,),) = Encoder(words, {"Text"}, 64).examples([Row("x:1", {"text": "a cat"})])
    assert not example.has_end


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"prompt": "a <|start|>", "completion": "b"}, True),
        ({"prompt": "a", "completion": "b<|eos|>"}, False),
        ({"prompt": "a<|eos|>", "completion": "b"}, True),
        ({"prompt": "a", "completion": "b<|eos|>c"}, True),
        ({"text": "a<|eos|>b<|eos|>"}, True),
        ({"messages": [{"role": "user", "content": "<|end|>"}, *TURNS[1:]]}, True),
        ({"messages": TURNS}, False),
    ],
)
def test_control_tokens_inside_a_text_are_found(fields: dict[str, Any], found: bool) -> None:
    assert has_control_tokens(tokenizer(), [Row("x:1", fields)]) == [found]


def test_rows_with_control_tokens_are_counted_and_trained(federation: Federation) -> None:
    lines = federation.data.read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    marked = [row | {"prompt": row["prompt"] + "<|start|>"} for row in rows]
    federation.data.write_text("".join(json.dumps(row) + "\n" for row in marked))
    federation.trained()
    telemetry = json.loads(federation.ledger.store.get("default/words/telemetry/rounds/0001/a-1/trainer.json"))
    assert telemetry["rowsWithControlTokens.training"] == 16
    assert "rowsWithoutEndToken.training" not in telemetry


def test_rows_whose_answer_never_ends_are_counted_and_trained(federation: Federation) -> None:
    folder = federation.sibling("endless")
    shutil.copytree(federation.model["base"], folder, dirs_exist_ok=True)
    words = tokenizer()
    words.chat_template = ENDLESS
    words.save_pretrained(folder)
    federation.model["base"] = str(folder)
    federation.format["format"] = "Messages"
    federation.data.write_text("".join(json.dumps({"messages": TURNS}) + "\n" for _ in range(40)))
    federation.trained()
    telemetry = json.loads(federation.ledger.store.get("default/words/telemetry/rounds/0001/a-1/trainer.json"))
    assert telemetry["rowsWithoutEndToken.training"] == 16
