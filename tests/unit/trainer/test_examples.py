"""Which tokens the loss is on."""

import random
import tracemalloc
from collections.abc import Sequence
from typing import Any

import pytest
from fedtrain_trainer.examples import AT_ONCE, Encoder, Example
from fedtrain_trainer.outcome import Refused
from tiny_federation import WORDS, tokenizer

from fedtrain.data.row import Row

CONVERSATION = [
    {"role": "system", "content": "be brief"},
    {"role": "user", "content": "a cat is"},
    {"role": "assistant", "content": "animal"},
    {"role": "user", "content": "a fir is"},
    {"role": "assistant", "content": "plant"},
]


def encoded(format: Any, fields: dict[str, Any], max_length: int = 200, words: Any = None) -> Example:
    words = words or tokenizer()
    ((example,),) = Encoder(words, {format}, max_length).examples([Row("x:1", fields)])
    return example


def learned(example: Example, words: Any) -> str:
    return words.decode([example.ids[at] for at in example.targets])


def test_of_a_conversation_every_assistant_turn_is_learned_with_its_end_and_nothing_else() -> None:
    words = tokenizer()
    example = encoded("Messages", {"messages": CONVERSATION}, words=words)
    assert learned(example, words) == "animal<|end|>plant<|end|>"
    assert words.decode(list(example.ids)) == words.apply_chat_template(CONVERSATION, tokenize=False)


def test_a_template_that_marks_the_generation_itself_is_followed() -> None:
    words = tokenizer()
    words.chat_template = (
        "{% for m in messages %}{{ m['role'] }}\n{% if m['role'] == 'assistant' %}{% generation %}{{ m['content'] }}"
        "<|end|>{% endgeneration %}{% else %}{{ m['content'] }}{% endif %}\n{% endfor %}"
    )
    assert learned(encoded("Messages", {"messages": CONVERSATION}, words=words), words) == "animal<|end|>plant<|end|>"


def test_a_conversation_that_the_template_refuses_is_named() -> None:
    words = tokenizer()
    words.chat_template = "{{ raise_exception('no system role') }}"
    with pytest.raises(Refused, match=r"x:1: .*template fails on this conversation .TemplateError"):
        encoded("Messages", {"messages": CONVERSATION}, words=words)


def test_messages_need_a_chat_template() -> None:
    words = tokenizer()
    words.chat_template = None
    fix = r"choose an instruction-tuned base, or copy the chat_template\.jinja of one into its folder"
    with pytest.raises(Refused, match=rf"no chat template: {fix}"):
        Encoder(words, {"Messages"}, 10)


def test_of_a_prompt_and_completion_the_completion_and_its_end_are_learned() -> None:
    words = tokenizer()
    example = encoded("PromptCompletion", {"prompt": "a cat is =>", "completion": " animal"}, words=words)
    assert learned(example, words) == " animal<|eos|>"


def test_a_prompt_has_the_tokens_that_it_has_at_inference() -> None:
    words = tokenizer()
    whole = words("a cat is => animal")["input_ids"]
    prompt = words("a cat is => ani")["input_ids"]
    assert whole[: len(prompt)] != prompt, "the boundary is inside of a token, or this test shows nothing"
    example = encoded("PromptCompletion", {"prompt": "a cat is => ani", "completion": "mal"}, words=words)
    assert list(example.ids[: len(prompt)]) == prompt
    assert learned(example, words) == "mal<|eos|>"


def test_of_a_text_everything_is_learned_but_the_first_token() -> None:
    words = tokenizer()
    example = encoded("Text", {"text": "a cat is"}, words=words)
    assert list(example.targets) == list(range(1, len(example.ids)))
    assert words.decode(list(example.ids)) == "a cat is<|eos|>"


def test_a_tokenizer_that_begins_texts_with_a_token_does_so_here() -> None:
    from tokenizers.processors import TemplateProcessing

    words = tokenizer()
    words.backend_tokenizer.post_processor = TemplateProcessing(
        single="<|start|> $A <|eos|>", special_tokens=[("<|start|>", 1), ("<|eos|>", 0)]
    )
    example = encoded("PromptCompletion", {"prompt": "a cat is =>", "completion": " animal"}, words=words)
    assert words.decode(list(example.ids)) == "<|start|>a cat is => animal<|eos|>"


def test_a_long_prompt_loses_its_beginning_and_never_the_answer() -> None:
    words = tokenizer()
    example = encoded("PromptCompletion", {"prompt": "a cat is =>" * 9, "completion": " animal"}, 12, words)
    assert len(example.ids) == 12
    assert learned(example, words) == " animal<|eos|>"
    assert str(words.decode(list(example.ids))).endswith(" is => animal<|eos|>")


def test_long_conversations_and_texts_keep_their_beginning() -> None:
    words = tokenizer()
    whole = encoded("Text", {"text": "a cat is " * 9}, words=words)
    assert encoded("Text", {"text": "a cat is " * 9}, 7, words).ids == whole.ids[:7]
    full = encoded("Messages", {"messages": CONVERSATION}, words=words)
    cut = full.targets[2]
    assert encoded("Messages", {"messages": CONVERSATION}, cut, words).targets == full.targets[:2]


def test_a_row_without_answer_within_the_length_is_not_an_example() -> None:
    rows = [Row("x:1", {"messages": CONVERSATION})]
    assert Encoder(tokenizer(), {"Messages"}, 8).examples(rows) == [[]]


def test_choices_of_a_conversation_are_other_last_turns() -> None:
    words = tokenizer()
    rows = [Row("x:1", {"messages": CONVERSATION})]
    (question,) = Encoder(words, {"Messages"}, 200).questions(rows, [["animal", "plant"]])
    prompt = words.apply_chat_template(CONVERSATION[:-1], tokenize=False, add_generation_prompt=True)
    assert words.decode(question.prompt) == prompt
    assert [words.decode(reply) for reply in question.answers] == ["animal<|end|>", "plant<|end|>"]
    assert question.right == 1
    assert Encoder(words, {"Messages"}, 200).prompts(rows) == [question.prompt]


def many(count: int) -> list[Row]:
    """Rows of about 110 tokens."""
    chance = random.Random(1)
    texts = [" ".join(chance.choices(WORDS, k=90)) for _ in range(count)]
    return [Row(f"x:{n}", {"prompt": text, "completion": " " + text[:50]}, ()) for n, text in enumerate(texts)]


def peak(encoder: Encoder, rows: Sequence[Row]) -> int:
    """Bytes that Python allocates at most while it encodes the rows, and keeps their examples."""
    tracemalloc.start()
    try:
        examples = encoder.examples(rows)
        assert len(examples) == len(rows)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_rows_that_are_encoded_together_give_the_examples_of_each_alone() -> None:
    encoder, rows = Encoder(tokenizer(), {"PromptCompletion"}, 60), many(2 * AT_ONCE + 1)
    alone = [encoder.examples([row])[0] for row in rows]
    assert encoder.examples(rows) == alone
    assert encoder.examples([]) == []


def test_further_rows_take_little_more_memory_than_their_tokens() -> None:
    encoder, rows = Encoder(tokenizer(), {"PromptCompletion"}, 512), many(2 * AT_ONCE)
    peaks = [peak(encoder, some) for some in (rows[:AT_ONCE], rows)]
    tokens = sum(len(example.ids) for (example,) in encoder.examples(rows[AT_ONCE:]))
    assert peaks[1] - peaks[0] < 12 * tokens
