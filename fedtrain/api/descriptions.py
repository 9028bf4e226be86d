"""What the fields of a block mean: the string below each in its class.

pydantic can collect those itself, but reads the sources at every import to do so.
"""

import ast
import inspect
import sys
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from types import ModuleType

from fedtrain.api.base import Block


def descriptions(block: type[Block]) -> dict[str, str]:
    """The strings below the fields of a block, by the fields' names in Python."""
    module = sys.modules[block.__module__]
    body = next(node.body for node in _classes(module) if node.name == block.__name__)
    return dict(_described(body))


def _described(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for field, text in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
            constant = text.value
            if isinstance(constant, ast.Constant) and isinstance(constant.value, str):
                yield field.target.id, " ".join(constant.value.split())


@cache
def _classes(module: ModuleType) -> tuple[ast.ClassDef, ...]:
    tree = ast.parse(inspect.getsource(module))
    return tuple(node for node in tree.body if isinstance(node, ast.ClassDef))
