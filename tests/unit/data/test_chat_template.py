"""Chat templates are rendered as transformers renders them, except for the date."""

from typing import Any

import pytest
from transformers.utils.chat_template_utils import render_jinja_template

from fedtrain.data.chat.template import ChatTemplate, template_date
from fedtrain.data.chat.template_steps import TooManySteps
from fedtrain.data.errors import DataError

MESSAGES: list[dict[str, Any]] = [
    {"role": "user", "content": "Name a tree.\n"},
    {"role": "assistant", "content": "<b>Oak</b>", "reasoning_content": "green"},
    {"role": "tool", "content": "20 m"},
    {"role": "assistant", "content": "Fir"},
]
TOOLS = [{"type": "function", "function": {"name": "grün", "parameters": {"b": 1, "a": [True, None]}}}]
TEMPLATES = [
    "{% for m in messages %}\n    {% if loop.first %}{{ bos_token }}{% endif %}\n{{ m['role'] }}\n{% endfor %}",
    "{% for m in messages %}{% if m.role == 'tool' %}{% continue %}{% endif %}{{ m.content | trim }}{% endfor %}",
    "{% if tools %}{{ tools | tojson }}{{ tools | tojson(indent=2) }}{% endif %}{{ messages | length }}",
    "{% set ns = namespace(n=0, last='') %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{{ ns.n }}{% endfor %}",
    "{% for m in messages %}{{ m.role }}{% generation %}{{ m.content }}{{ eos_token }}{% endgeneration %}{% endfor %}",
    "{{ dict(a=1) }}{{ missing }}{{ documents is none }}{% for m in messages %}{{ m.reasoning_content }}{% endfor %}",
    "{%- macro t(m) -%}{{ m.role }}{%- endmacro -%}{{ t(messages[0]) }}{% if add_generation_prompt %}a{% endif %}",
]
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}


@pytest.mark.parametrize("source", TEMPLATES)
@pytest.mark.parametrize("prompt", [False, True])
@pytest.mark.parametrize("tools", [None, TOOLS])
def test_text_and_marks_are_those_of_transformers(source: str, prompt: bool, tools: Any) -> None:
    ours = ChatTemplate(source, TOKENS).render(MESSAGES, tools, add_generation_prompt=prompt)
    (text,), (spans,) = render_jinja_template(
        [MESSAGES],
        tools=tools,
        chat_template=source,
        return_assistant_tokens_mask=True,
        add_generation_prompt=prompt,
        **TOKENS,  # pyright: ignore[reportArgumentType]
    )
    assert (ours.text, list(ours.spans)) == (text, spans)


def test_a_template_can_be_rendered_again_after_it_failed() -> None:
    template = ChatTemplate("{% generation %}{{ messages[0].content + 'x' }}{% endgeneration %}", {})
    with pytest.raises(TypeError):
        template.render([{"content": 1}])
    assert template.render([{"content": "a"}]) == ("ax", ((0, 2),))


@pytest.mark.parametrize(
    "source",
    [
        "{{ messages.append(1) }}",
        "{{ ''.__class__.__mro__ }}",
        "{% set ns = namespace() %}{% set ns.__class__ = 1 %}",
        "{{ dict.__init__ }}{{ dict.__class__.__name__.x }}",
        "{{ raise_exception('no') }}",
    ],
)
def test_a_template_has_no_access_to_python(source: str) -> None:
    template = ChatTemplate(source, {})
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever Jinja's sandbox raises
        template.render(MESSAGES)


@pytest.mark.parametrize(
    "source",
    [
        "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
        "{% for a in range(9999) %}{% for b in 'x' * 9999 %}{% endfor %}{% endfor %}",
        "{% for a in range(9999) %}{% for b in 'x' * 9999 if false %}{% endfor %}{% endfor %}",
        "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
        "{% for a in [[[0] * 99] * 99] * 9999 recursive %}{{ loop(a) if a is sequence }}{% endfor %}",
        "{% for a in range(9999) %}{{ range(99999) | sum }}{% endfor %}",
        "{{ 9 ** (9 ** 9) }}",
        "{{ 'x' * 9999999999 }}",
        "{{ 9999999999 * [1] }}",
    ],
)
def test_a_template_that_would_run_for_hours_is_stopped(source: str) -> None:
    template = ChatTemplate(source, {})
    for _ in range(2):
        with pytest.raises(TooManySteps, match="takes more than 10,000 steps for one conversation"):
            template.render(MESSAGES)


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fedtrain.data.chat.template_steps.MOST", 10_000)


def test_a_template_that_is_invalid_is_refused_with_its_line() -> None:
    with pytest.raises(DataError, match=r"invalid Jinja at line 2: Unexpected end of template.* correct it"):
        ChatTemplate("\n{% for m in messages %}", {})


@pytest.mark.parametrize("source", ["{% break %}", "{{ " + "(" * 3000 + ")" * 3000 + " }}"])
def test_a_template_that_cannot_be_compiled_is_refused(source: str) -> None:
    with pytest.raises(DataError, match=r"chat template cannot be compiled \((Syntax|Recursion)Error\); correct it"):
        ChatTemplate(source, {})


WRITES_DATE = "{% if strftime_now is defined %}{{ strftime_now('%d %b %Y') }}{% endif %}{{ messages[0].content }}"


@pytest.mark.parametrize(
    ("source", "date"),
    [
        (WRITES_DATE, "2026-01-01"),
        ("{# strftime_now #}{{ 'strftime_now' }}{{ messages[0].content }}", None),
        ("\n{% for m in messages %}", None),
        (None, None),
    ],
)
def test_the_date_is_that_of_a_template_which_writes_one(source: str | None, date: str | None) -> None:
    assert template_date(source) == date


def test_the_date_never_changes_because_the_tokens_of_all_runs_have_it() -> None:
    assert ChatTemplate(WRITES_DATE, {}).render([{"role": "user", "content": "!"}]).text == "01 Jan 2026!"
