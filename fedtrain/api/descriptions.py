"""Descriptions of the fields of a block: the string literal below each field, then the description of a registration.

pydantic can collect them too, but then reads the source files at every import.
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
    """Return the descriptions of a block's fields, inherited ones too, by Python name."""
    found: dict[str, str] = {}
    for kind in reversed(block.__mro__):
        if issubclass(kind, Block) and kind is not Block:
            body = next(node.body for node in _classes(sys.modules[kind.__module__]) if node.name == kind.__name__)
            found |= _described(body)
    for name, field in block.model_fields.items():
        if field.description:
            found[name] = " ".join(text for text in (found.get(name), field.description) if text)
    return found


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
