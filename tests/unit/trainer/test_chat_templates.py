"""Chat templates of published models that other trainers read wrongly."""

import pytest
from fedtrain_trainer.examples import Encoder, Example
from fedtrain_trainer.outcome import Refused
from tiny_federation import tokenizer

from fedtrain.data.row import Row

TURN = "{{ '<|start|>' + m.role + '\\n' + m.content + '<|end|>\\n' }}"
PROMPT = "{% if add_generation_prompt %}{{ '<|start|>assistant\\n' }}{% endif %}"
ALL = "{% for m in messages %}" + TURN + "{% endfor %}" + PROMPT
STRIPS_EARLIER_REASONING = (
    "{%- set state = namespace(last=-1) -%}"
    "{%- for m in messages -%}{%- if m.role == 'user' -%}{%- set state.last = loop.index0 -%}{%- endif -%}"
    "{%- endfor -%}"
    "{%- for m in messages -%}{%- if m.role == 'assistant' and loop.index0 < state.last -%}"
    "{{ '<|start|>assistant\\n' + m.content.split('</think>')[-1] + '<|end|>\\n' }}"
    "{%- else -%}" + TURN + "{%- endif -%}{%- endfor -%}" + PROMPT
)
MARKED_TIGHT = (
    "{% for m in messages %}{{ m.role }}\n{% if m.role == 'assistant' %}{%-generation%}{{ m.content }}<|end|>"
    "{% endgeneration %}{% else %}{{ m.content }}<|end|>{% endif %}\n{% endfor %}"
)
MESSAGES = [
    {"role": "user", "content": "a cat is"},
    {"role": "assistant", "content": "<think>fur</think>animal"},
    {"role": "user", "content": "a fir is"},
    {"role": "assistant", "content": "<think>green</think>plant"},
]


def encoded(template: str) -> tuple[list[Example], "Texts"]:
    words = tokenizer()
    words.chat_template = template
    (examples,) = Encoder(words, {"Messages"}, 400).examples([Row("x:1", {"messages": MESSAGES})])
    return examples, Texts(words)


class Texts:
    def __init__(self, words: object) -> None:
        self._decode = getattr(words, "decode")  # noqa: B009

    def learned(self, example: Example) -> str:
        return self._decode([example.ids[at] for at in example.targets])

    def before(self, example: Example) -> str:
        return self._decode(example.ids[: example.targets[0]])


def test_a_template_that_strips_earlier_reasoning_gives_one_example_per_assistant_turn() -> None:
    examples, texts = encoded(STRIPS_EARLIER_REASONING)
    assert [texts.learned(example) for example in examples] == [
        "<think>fur</think>animal<|end|>",
        "<think>green</think>plant<|end|>",
    ]
    assert "<think>" not in texts.before(examples[1])
    assert texts.before(examples[1]).endswith("animal<|end|>\n<|start|>user\na fir is<|end|>\n<|start|>assistant\n")


def test_a_template_that_keeps_earlier_turns_gives_one_example() -> None:
    (example,), texts = encoded(ALL)
    assert texts.learned(example) == "<think>fur</think>animal<|end|><think>green</think>plant<|end|>"


def test_a_generation_mark_without_blanks_is_followed() -> None:
    (example,), texts = encoded(MARKED_TIGHT)
    assert texts.learned(example) == "<think>fur</think>animal<|end|><think>green</think>plant<|end|>"


@pytest.mark.parametrize("mark", ["{# {% generation %} #}", "{% raw %}{% generation %}{% endraw %}"])
def test_a_mark_that_is_not_a_tag_is_ignored(mark: str) -> None:
    (example,), texts = encoded(mark + ALL)
    assert texts.learned(example) == "<think>fur</think>animal<|end|><think>green</think>plant<|end|>"


def test_a_mark_in_a_branch_that_is_not_taken_blames_the_template() -> None:
    with pytest.raises(Refused, match=r"x:1: the base model's chat template has \{% generation %\}, but marks nothing"):
        encoded("{% if false %}{% generation %}{% endgeneration %}{% endif %}" + ALL)


def test_a_template_that_raises_a_type_error_is_refused_with_the_row() -> None:
    with pytest.raises(Refused, match=r"x:1: the base model's chat template fails .*TypeError"):
        encoded("{{ tools | length }}" + ALL)


def test_a_template_that_writes_half_a_surrogate_pair_is_refused_with_the_row() -> None:
    with pytest.raises(Refused, match=r"x:1: the base model's chat template fails .*UnicodeEncodeError"):
        encoded("{{ '\ud800' }}" + ALL)


def test_a_template_that_is_invalid_is_refused_with_its_line() -> None:
    with pytest.raises(Refused, match="invalid Jinja at line 2"):
        encoded("\n{% for m in messages %}")


def test_a_template_writes_the_same_date_on_every_day() -> None:
    (example,), texts = encoded("{{ 'Today: ' + strftime_now('%d %b %Y') + '\\n' }}" + ALL)
    assert texts.before(example).startswith("Today: 01 Jan 2026\n")
