"""A base model's chat template: renders as transformers does, with a fixed date and without importing it."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple, cast

from jinja2 import TemplateError, TemplateSyntaxError, nodes, pass_eval_context
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

from fedtrain.data.chat.template_steps import Steps, check_product
from fedtrain.data.errors import DataError

DATE = datetime(2026, 1, 1)
"""The current date for templates that write it. All rounds of a run, and all runs of a file, must have the same tokens,
so it never changes: docs/decisions/0007-date-of-chat-templates.md."""
_DATE_FUNCTION = "strftime_now"


class Rendered(NamedTuple):
    """`spans`: start and end of each `{% generation %}` block that wrote text, as positions in `text`."""

    text: str
    spans: tuple[tuple[int, int], ...]


class ChatTemplate:
    """`special_tokens`: the tokenizer's, by name, such as `bos_token`. `file`: the one that has the template, for
    messages. Raises DataError for invalid Jinja."""

    def __init__(self, source: str, special_tokens: Mapping[str, Any], file: str = "") -> None:
        place = f" in {file}" if file else ""
        self._environment = _environment()
        self._special_tokens = dict(special_tokens)
        try:
            self._tree = self._environment.parse(source)
            steps = Steps.of(self._environment)
            self._template = self._environment.from_string(steps.counted(self._environment.parse(source)))
        except TemplateSyntaxError as error:
            raise DataError(
                f"the base model's chat template{place} is invalid Jinja at line {error.lineno}: "
                f"{(error.message or '').rstrip('.')}",
                f"correct it{place}, or copy the base model again",
            ) from error
        except Exception as error:  # whatever Python's compiler raises
            problem = f"the base model's chat template{place} cannot be compiled ({type(error).__name__})"
            raise DataError(problem, f"correct it{place}, or copy the base model again") from error

    @cached_property
    def marks_generation(self) -> bool:
        """Whether the template has `{% generation %}`."""
        return any(node.identifier == _Generation.identifier for node in self._tree.find_all(nodes.ExtensionAttribute))

    @cached_property
    def writes_date(self) -> bool:
        """Whether the template calls `strftime_now`."""
        return any(node.name == _DATE_FUNCTION for node in self._tree.find_all(nodes.Name))

    def render(
        self, messages: Sequence[Mapping[str, Any]], tools: object = None, *, add_generation_prompt: bool = False
    ) -> Rendered:
        """Return the conversation as text. Raises TooManySteps, and whatever the template raises."""
        generation = _Generation.of(self._environment)
        generation.written, generation.spans = [], []
        Steps.of(self._environment).begin()
        values = {**self._special_tokens, "messages": list(messages), "tools": tools, "documents": None}
        for block in self._template.generate(**values, add_generation_prompt=add_generation_prompt):
            generation.written.append(block)
        text = "".join(generation.written)
        text.encode()  # raises for halves of surrogate pairs, which tokenizers refuse
        return Rendered(text, tuple(span for span in generation.spans if span[0] < span[1]))


def template_date(source: str | None) -> str | None:
    """Return the date that a chat template writes as the current one; None if it writes no date, is None, or is
    invalid."""
    try:
        writes = source is not None and ChatTemplate(source, {}).writes_date
    except DataError:
        return None
    return DATE.date().isoformat() if writes else None


class _Generation(Extension):
    """`{% generation %}...{% endgeneration %}`: records where its text is."""

    tags = {"generation"}
    written: list[str]
    spans: list[tuple[int, int]]

    @staticmethod
    def of(environment: ImmutableSandboxedEnvironment) -> "_Generation":
        extension = environment.extensions[_Generation.identifier]
        assert isinstance(extension, _Generation)
        return extension

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_rendered"), [], [], body).set_lineno(line)

    @pass_eval_context
    def _rendered(self, context: nodes.EvalContext, caller: Callable[[], str]) -> str:
        text = caller()
        start = sum(map(len, self.written))
        self.spans.append((start, start + len(text)))
        return text


class _Namespace(Namespace):
    """A namespace without names that begin with an underscore: templates are untrusted code."""

    def __init__(*args: Any, **values: Any) -> None:
        for name in dict(*args[1:], **values):
            _refuse_underscore(name)
        Namespace.__init__(*args, **values)

    def __setitem__(self, name: str, value: Any) -> None:
        _refuse_underscore(name)
        super().__setitem__(name, value)


class _Dict:
    """`dict` without access to the type's attributes."""

    def __call__(self, *args: Any, **values: Any) -> dict[Any, Any]:
        return dict(*args, **values)

    def fromkeys(self, *args: Any) -> dict[Any, Any]:
        return dict.fromkeys(*args)


class _Sandbox(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        check_product(operator, left, right)
        return super().call_binop(context, operator, left, right)


def _environment() -> ImmutableSandboxedEnvironment:
    environment = _Sandbox(trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, Steps, loopcontrols])
    filters = cast("dict[str, Any]", environment.filters)  # pyright: ignore[reportUnknownMemberType]
    functions = cast("dict[str, Any]", environment.globals)  # pyright: ignore[reportUnknownMemberType]
    filters["tojson"] = _tojson
    functions |= {"raise_exception": _raise_exception, _DATE_FUNCTION: DATE.strftime}
    functions |= {"dict": _Dict(), "namespace": _Namespace, "range": Steps.of(environment).range}
    return environment


def _tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _raise_exception(message: str) -> None:
    raise TemplateError(message)


def _refuse_underscore(name: object) -> None:
    if isinstance(name, str) and name.startswith("_"):
        raise SecurityError("a name in a namespace begins with an underscore")
