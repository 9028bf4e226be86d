"""Lists whose items have unique names. The CRDs say the same with `x-kubernetes-list-type: map` or `set`."""

from typing import Any

from fedtrain.api.base import Block
from fedtrain.api.rules.context import Context
from fedtrain.api.rules.rule import Rule, Violations, broken, rule
from fedtrain.api.shapes import fields_of


def unique(block: type[Block], field: str, what: str, key: str = "") -> Rule:
    """The rule that no two items of a list have the same `key`; without a key, that no two are equal."""
    attribute = fields_of(block)[field].attribute

    def check(judged: Any, context: Context) -> Violations:
        seen: set[str] = set()
        for number, item in enumerate(getattr(judged, attribute) or ()):
            name = getattr(item, fields_of(type(item))[key].attribute, None) if key else item
            if name in seen:
                yield broken(field, number, *([key] if key else []), name=name)
            if name is not None:
                seen.add(name)

    check.__name__ = f"{block.__name__}_{field}_are_unique"
    check.__doc__ = f"`{field}` contains no {what} twice."
    message = f"{what[0].upper()}{what[1:]} {{name}} is listed twice."
    fix = f"Remove this one, or give it another `{key}`." if key else "Remove this one."
    return rule(block, field, message=message, fix=fix)(check)
