"""Properties of a base model's chat template, from its syntax tree, and the date that it may write."""

from datetime import datetime
from functools import lru_cache

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.meta import find_undeclared_variables
from jinja2.parser import Parser

from fedtrain_trainer.outcome import Refused

DATE = datetime(2026, 1, 1)
"""The current date for templates that write it. A constant: all rounds of a run, and all runs of a file, must have
the same tokens."""


class _Generation(Extension):
    """`{% generation %}...{% endgeneration %}` in the syntax tree."""

    tags = {"generation"}

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_rendered"), [], [], body).set_lineno(line)


def marks_generation(template: str) -> bool:
    """Whether the template has `{% generation %}`. Raises Refused for invalid Jinja."""
    return any(node.identifier == _Generation.identifier for node in _tree(template).find_all(nodes.ExtensionAttribute))


def fix_date(template: str) -> None:
    """Make a template that calls `strftime_now` write `DATE`. transformers compiles a template once and keeps it; it
    turns functions among the arguments of `apply_chat_template` into text. Raises Refused for invalid Jinja."""
    if "strftime_now" in find_undeclared_variables(_tree(template)):
        from transformers.utils import chat_template_utils

        compiled = chat_template_utils._compile_jinja_template(template)  # pyright: ignore[reportPrivateUsage]
        compiled.environment.globals["strftime_now"] = DATE.strftime


@lru_cache(maxsize=4)
def _tree(template: str) -> nodes.Template:
    environment = Environment(trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols])
    try:
        return environment.parse(template)
    except TemplateSyntaxError as error:
        raise Refused(f"the base model's chat template is invalid Jinja at line {error.lineno}. Correct it") from error
