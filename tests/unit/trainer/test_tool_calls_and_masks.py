"""Tool calls are written by the chat template or refused; turns with weight 0 are not learned."""

from typing import Any

import pytest
from fedtrain_trainer.examples import Encoder, Example
from fedtrain_trainer.outcome import Refused
from tiny_federation import tokenizer

from fedtrain.data.formats import RowChecker

CALL = {"id": "c1", "type": "function", "function": {"name": "lookup", "arguments": '{"plant": "oak"}'}}
TOOL = {"type": "function", "function": {"name": "lookup", "parameters": {"type": "object", "properties": {}}}}
CALLING: dict[str, Any] = {
    "messages": [
        {"role": "user", "content": "How tall is an oak?"},
        {"role": "assistant", "content": "", "tool_calls": [CALL]},
        {"role": "tool", "content": "20 m", "tool_call_id": "c1"},
        {"role": "assistant", "content": "20 metres."},
    ]
}
MASKED: dict[str, Any] = {
    "messages": [
        {"role": "user", "content": "Name a tree."},
        {"role": "assistant", "content": "A shed.", "weight": 0},
        {"role": "user", "content": "Again."},
        {"role": "assistant", "content": "Oak.", "weight": 1},
    ]
}
TOOLS = "{% if tools %}{{ tools | tojson }}\n{% endif %}"
CALLS = "{% for c in m.tool_calls %}<call>{{ c.function.name }} {{ c.function.arguments | tojson }}</call>{% endfor %}"
CALLS_AS_TEXT = (
    "{% for c in m.tool_calls %}{{ '<call>' + c.function.name + ' ' + c.function.arguments + '</call>' }}{% endfor %}"
)
PROMPT = "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"


def template(calls: str = CALLS, tools: str = TOOLS) -> str:
    turns = "{% for m in messages %}<|start|>{{ m.role }}\n{{ m.content }}" + calls + "<|end|>\n{% endfor %}"
    return tools + turns + PROMPT


def marked(calls: str = "") -> str:
    said = "{% generation %}{{ m.content }}" + calls + "<|end|>{% endgeneration %}"
    return (
        "{% for m in messages %}{{ m.role }}\n{% if m.role == 'assistant' %}"
        + said
        + "{% else %}{{ m.content }}<|end|>{% endif %}\n{% endfor %}"
    )


def encoded(row: dict[str, Any], source: str, format: Any = "Messages") -> tuple[list[Example], Any]:
    words = tokenizer()
    words.chat_template = source
    (examples,) = Encoder(words, {format}, 400).examples([RowChecker(format).check(row, "x:1")])
    return examples, words


def learned(row: dict[str, Any], source: str, format: Any = "Messages") -> list[str]:
    examples, words = encoded(row, source, format)
    return [words.decode([example.ids[at] for at in example.targets]) for example in examples]


@pytest.mark.parametrize("source", [template(), template(CALLS_AS_TEXT), marked(CALLS)])
def test_a_call_and_the_final_answer_are_learned(source: str) -> None:
    assert learned(CALLING, source) == ['<call>lookup {"plant": "oak"}</call><|end|>20 metres.<|end|>']


def test_tool_definitions_are_in_the_prompt() -> None:
    (example,), words = encoded(CALLING | {"tools": [TOOL]}, template())
    assert str(words.decode(list(example.ids))).startswith('[{"type": "function", "function": {"name": "lookup"')


@pytest.mark.parametrize(
    ("row", "source", "field"),
    [
        (CALLING, template(calls=""), "messages[1].tool_calls"),
        (CALLING, marked(), "messages[1].tool_calls"),
        (CALLING | {"tools": [TOOL]}, template(tools=""), "tools"),
        (
            {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a", "thinking": "hm"}]},
            template(),
            "messages[1].reasoning_content",
        ),
    ],
)
def test_a_template_that_ignores_a_field_is_refused_with_the_field(
    row: dict[str, Any], source: str, field: str
) -> None:
    with pytest.raises(Refused) as refused:
        encoded(row, source)
    assert str(refused.value).startswith(f'x:1: the base model\'s chat template ignores the field "{field}"')


@pytest.mark.parametrize("source", [template(), marked()])
def test_a_turn_of_weight_0_is_not_learned(source: str) -> None:
    assert learned(MASKED, source) == ["Oak.<|end|>"]


def test_a_masked_turn_that_is_written_differently_later_costs_no_example() -> None:
    content = "{{ 'cut' if m.role == 'assistant' and not loop.last else m.content }}"
    strips = "{% for m in messages %}<|start|>{{ m.role }}\n" + content + "<|end|>\n{% endfor %}"
    assert learned(MASKED, strips + PROMPT) == ["Oak.<|end|>"]


def test_reasoning_is_learned_where_the_template_writes_it() -> None:
    row = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a", "thinking": "hm"}]}
    writes = "{% if m.reasoning_content %}<think>{{ m.reasoning_content }}</think>{% endif %}"
    source = "{% for m in messages %}<|start|>{{ m.role }}\n" + writes + "{{ m.content }}<|end|>\n{% endfor %}" + PROMPT
    assert learned(row, source) == ["<think>hm</think>a<|end|>"]


def test_a_marked_template_that_rewrites_earlier_turns_gives_one_example_per_turn() -> None:
    said = "{% generation %}{{ m.content if loop.last else 'cut' }}<|end|>{% endgeneration %}"
    other = "{% else %}{{ m.content }}{% endif %}{% endfor %}"
    source = "{% for m in messages %}{% if m.role == 'assistant' %}" + said + other
    turns = [{"role": role, "content": text} for role, text in zip(["user", "assistant"] * 2, "abcd", strict=True)]
    assert learned({"messages": turns}, source) == ["b<|end|>", "d<|end|>"]


def test_prompt_and_completion_as_messages_learn_the_completion_only() -> None:
    turns = MASKED["messages"]
    row = {"prompt": [*turns[:1], {"role": "assistant", "content": "Fir."}, *turns[2:3]], "completion": turns[3:]}
    assert learned(row, template(), "PromptCompletion") == ["Oak.<|end|>"]


def test_sharegpt_is_learned_as_messages() -> None:
    row = {"conversations": [{"from": "human", "value": "Name a tree."}, {"from": "gpt", "value": "Oak."}]}
    assert learned(row, template(), "ShareGPT") == ["Oak.<|end|>"]


def test_an_instruction_uses_the_chat_template_or_alpacas_prompt() -> None:
    row = {"instruction": "Name the class.", "input": "a bird", "output": "animal"}
    assert learned(row, template(), "Instruction") == ["animal<|end|>"]
    words = tokenizer()
    words.chat_template = None
    ((example,),) = Encoder(words, {"Instruction"}, 400).examples([RowChecker("Instruction").check(row, "x:1")])
    assert words.decode([example.ids[at] for at in example.targets]) == "animal<|eos|>"
    assert str(words.decode(list(example.ids))).startswith("Below is an instruction")


def test_a_conversation_for_a_base_without_a_template_is_refused() -> None:
    words = tokenizer()
    words.chat_template = None
    row = RowChecker("PromptCompletion").check(
        {"prompt": "q", "completion": [MASKED["messages"][1] | {"weight": 1}]}, "x:1"
    )
    with pytest.raises(Refused, match="x:1: the row is a conversation, but the base model has no chat template"):
        Encoder(words, {"PromptCompletion"}, 10).examples([row])
    with pytest.raises(Refused, match=r"the format of the data is ShareGPT, but the base model has no chat template"):
        Encoder(words, {"ShareGPT"}, 10)


def test_choices_of_an_instruction_are_its_outputs() -> None:
    row = RowChecker("Instruction").check({"instruction": "i", "output": "b", "choices": ["a", "b"]}, "x:1")
    words = tokenizer()
    (question,) = Encoder(words, {"Instruction"}, 100).questions([row], [["a", "b"]])
    assert [words.decode(one) for one in question.answers] == ["a<|end|>", "b<|end|>"]
    assert question.right == 1
