"""Bounds the work of a chat template, which comes with a base model and is untrusted: each pass of a loop, each test of
its filter, each call of a macro and each number of a range is a step. The count does not depend on the machine, so
that all participants and all runs accept the same conversations."""

from collections.abc import Sized
from typing import Any

from jinja2 import Environment, nodes
from jinja2.ext import Extension
from jinja2.sandbox import safe_range

from fedtrain.plurals import several

MOST = 1_000_000
"""Steps for one conversation. Templates in use take a few for each turn."""
_LARGEST_POWER = 1_000
"""Exponent of whole numbers."""


class TooManySteps(Exception):
    """The template takes more than MOST steps for a conversation."""

    def __init__(self) -> None:
        super().__init__(f"the base model's chat template takes more than {several(MOST, 'step')} for one conversation")


class Steps(Extension):
    """Counts the steps of a rendering."""

    left: int

    def begin(self) -> None:
        """Begin a rendering."""
        self.left = MOST

    @staticmethod
    def of(environment: Environment) -> "Steps":
        extension = environment.extensions[Steps.identifier]
        assert isinstance(extension, Steps)
        return extension

    def counted(self, tree: nodes.Template) -> nodes.Template:
        """Return the tree with a call of `step` in each loop and macro. A template cannot change the name: it is an
        attribute of the extension."""
        for loop in tree.find_all(nodes.For):
            loop.body.insert(0, nodes.ExprStmt(self._call()))
            if loop.test is not None:
                loop.test = nodes.And(self._call(), loop.test)
        for called in tree.find_all((nodes.Macro, nodes.CallBlock)):
            called.body.insert(0, nodes.ExprStmt(self._call()))
        return tree

    def step(self, steps: int = 1) -> bool:
        self.left -= steps
        if self.left < 0:
            raise TooManySteps
        return True

    def range(self, *args: int) -> Any:
        """Python's `range`, whose numbers are steps."""
        found = safe_range(*args)
        self.step(len(found))
        return found

    def _call(self) -> nodes.Call:
        return self.call_method("step")


def check_product(operator: str, left: Any, right: Any) -> None:
    """Raises TooManySteps for a power or a repeated sequence that is too large: it is one operation for Python."""
    if operator == "**":
        is_large = isinstance(left, int) and isinstance(right, int) and right > _LARGEST_POWER
    else:
        is_large = _repeated(left, right) > MOST or _repeated(right, left) > MOST
    if is_large:
        raise TooManySteps


def _repeated(sequence: Any, count: Any) -> int:
    """Length of a repeated sequence; 0 for other values."""
    return len(sequence) * count if isinstance(sequence, Sized) and isinstance(count, int) else 0
