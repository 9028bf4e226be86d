"""Rules on unions: a block that belongs to one value of a discriminator such as `type` or `strategy`.

The unions are declared in the models (`Block.unions`); each gives one rule per member, and one more if it is required.
"""

from collections.abc import Iterator
from typing import Any

from fedtrain.api.base import Block, Union
from fedtrain.api.rules.context import Context
from fedtrain.api.rules.rule import Cel, Rule, Violations, broken, rule
from fedtrain.api.shapes import describe, fields_of


def union_rules(block: type[Block]) -> Iterator[Rule]:
    """The rules of a block's unions."""
    for union in block.unions:
        for value, member in {**union.required, **union.optional}.items():
            yield _only_with(block, union, value, member)
        for value, member in union.required.items():
            yield _required_with(block, union, value, member)


def _only_with(block: type[Block], union: Union, value: str, member: str) -> Rule:
    name, attribute = union.discriminator, fields_of(block)[member].attribute

    def check(judged: Any, context: Context) -> Violations:
        chosen = getattr(judged, fields_of(block)[name].attribute)
        if getattr(judged, attribute, "malformed") is not None and chosen != value:
            yield broken(chosen=_written(judged, union))

    check.__name__ = f"{block.__name__}_{member}_only_with_{value}"
    check.__doc__ = f"`{member}` is set only with `{name}: {value}`."
    return rule(
        block,
        member,
        message=f"{member} applies only to {name}: {value}, but {name} is {{chosen}}.",
        fix=f"Remove {member}, or set {name}: {value}.",
        cel=Cel(valid=f"self.{name} == '{value}' || !has(self.{member})", values={"chosen": f"self.{name}"}),
        reason="FieldValueForbidden",
        at_key=True,
    )(check)


def _required_with(block: type[Block], union: Union, value: str, member: str) -> Rule:
    name, field = union.discriminator, fields_of(block)[member]

    def check(judged: Any, context: Context) -> Violations:
        chosen = getattr(judged, fields_of(block)[name].attribute)
        if chosen == value and getattr(judged, field.attribute, "malformed") is None:
            yield broken(chosen=_written(judged, union))

    check.__name__ = f"{block.__name__}_{member}_required_with_{value}"
    check.__doc__ = f"`{member}` is required with `{name}: {value}`."
    return rule(
        block,
        member,
        message=f"{member} is required because {name} is {{chosen}}.",
        fix=f"Add `{member}:`, {describe(field.shape)}.",
        cel=Cel(valid=f"self.{name} != '{value}' || has(self.{member})", values={"chosen": f"self.{name}"}),
        reason="FieldValueRequired",
    )(check)


def _written(judged: Block, union: Union) -> str:
    """The discriminator's value, marked where it is the default."""
    attribute = fields_of(type(judged))[union.discriminator].attribute
    return f"{getattr(judged, attribute)}{'' if attribute in judged.model_fields_set else ' (the default)'}"
