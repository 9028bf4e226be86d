"""Rules on unions: a block that belongs to one value of a discriminator such as `type` or `strategy`.

The unions are declared in the models (`Block.unions`); each gives one rule per member, and one more if it is required.
"""

from collections.abc import Iterator
from typing import Any

from fedtrain.api.base import Block, Union
from fedtrain.api.examples import example
from fedtrain.api.rules.context import Context
from fedtrain.api.rules.rule import Cel, Rule, Violations, broken, quoted, rule
from fedtrain.api.shapes import fields_of


def union_rules(block: type[Block]) -> Iterator[Rule]:
    """The rules of a block's unions."""
    for union in block.unions:
        for value, member in union.members.items():
            yield _only_with(block, union, value, member)
        for value, member in union.required.items():
            yield _required_with(block, union, value, member)


def _only_with(block: type[Block], union: Union, value: str, member: str) -> Rule:
    name, attribute = union.discriminator, fields_of(block)[member].attribute
    remove = f"Remove `{member}`"

    def change(own: str) -> str:
        return f"Set `{name}: {value}`, or write `{own}` instead of `{member}`"

    either = f"{remove}, or set `{name}: {value}`"
    optional = {one: own for one, own in union.members.items() if one not in union.required and one != value}
    optional = optional if name == "strategy" else {}  # blocks with fields in common
    fields_in = {one: (own, f"{either}; the fields of {one} go into `{own}`") for one, own in optional.items()}

    def drop(own: tuple[str, str] | None, judged: Any) -> str:
        return either if own is None or _has(judged, own[0]) else own[1]

    def check(judged: Any, context: Context) -> Violations:
        chosen = getattr(judged, fields_of(block)[name].attribute)
        if getattr(judged, attribute, "malformed") is not None and chosen != value:
            own = union.required.get(chosen)
            use = drop(fields_in.get(chosen), judged) if own is None else remove if _has(judged, own) else change(own)
            yield broken(chosen=_written(judged, union), use=use)

    check.__name__ = f"{block.__name__}_{member}_only_with_{value}"
    check.__doc__ = f"`{member}` is set only with `{name}: {value}`."
    others = {choice: own for choice, own in union.required.items() if choice != value}
    has_own = [f"self.{name} == '{choice}' && has(self.{own})" for choice, own in others.items()]
    lacks_own = {f"self.{name} == '{choice}' && !has(self.{own})": change(own) for choice, own in others.items()}
    others_fields = {f"self.{name} == '{one}' && !has(self.{own})": text for one, (own, text) in fields_in.items()}
    use = _first_of({**lacks_own, _any(has_own): remove, **others_fields}, either)
    return rule(
        block,
        member,
        message=f"`{member}` is allowed only with `{name}: {value}`, but {name} is {{chosen}}.",
        fix="{use}.",
        cel=Cel(
            valid=f"self.{name} == '{value}' || !has(self.{member})", values={"chosen": f"self.{name}", "use": use}
        ),
        reason="FieldValueForbidden",
        at_key=True,
    )(check)


def _required_with(block: type[Block], union: Union, value: str, member: str) -> Rule:
    """With the field of another variant, the rule of that field says what to change."""
    name, field = union.discriminator, fields_of(block)[member]
    others = [one for one in union.members.values() if one != member]

    def check(judged: Any, context: Context) -> Violations:
        chosen = getattr(judged, fields_of(block)[name].attribute)
        if chosen == value and not _has(judged, member) and not any(_has(judged, other) for other in others):
            yield broken(chosen=_written(judged, union))

    check.__name__ = f"{block.__name__}_{member}_required_with_{value}"
    check.__doc__ = f"`{member}` is required with `{name}: {value}`."
    return rule(
        block,
        member,
        message=f"`{member}` is required because {name} is {{chosen}}.",
        fix=f"Add it, for example `{_braces(f'{member}: {example(member, field.shape)}')}`.",
        cel=Cel(
            valid=" || ".join([f"self.{name} != '{value}'", *(f"has(self.{one})" for one in (member, *others))]),
            values={"chosen": f"self.{name}"},
        ),
        reason="FieldValueRequired",
    )(check)


def _has(judged: Block, member: str) -> bool:
    """Whether a block has a field, even if its value is malformed."""
    return getattr(judged, fields_of(type(judged))[member].attribute, "malformed") is not None


def _any(conditions: list[str]) -> str:
    return " || ".join(conditions)


def _first_of(texts: dict[str, str], otherwise: str) -> str:
    """A CEL expression: the text of the first condition that is true. Empty conditions are never true."""
    chain = [f"{condition} ? {quoted(text)} : " for condition, text in texts.items() if condition]
    return f"({''.join(chain)}{quoted(otherwise)})"


def _written(judged: Block, union: Union) -> str:
    """The discriminator's value, marked where it is the default."""
    attribute = fields_of(type(judged))[union.discriminator].attribute
    return f"{getattr(judged, attribute)}{'' if attribute in judged.model_fields_set else ' (the default)'}"


def _braces(text: str) -> str:
    """Escape braces, which name values in a rule's message and fix."""
    return text.replace("{", "{{").replace("}", "}}")
