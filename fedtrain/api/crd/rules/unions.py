"""Every union of fedtrain/api/rules/unions.py: the field of a case that is not chosen is refused, the field that the
chosen case needs is asked for."""

from collections.abc import Iterator

from fedtrain.api.base import Block
from fedtrain.api.crd.rule import Rule
from fedtrain.api.rules.unions import UNIONS
from fedtrain.api.shapes import describe, fields_of


def rules_of(block: type[Block]) -> Iterator[Rule]:
    """The rules of the unions whose discriminator is in `block`."""
    fields = fields_of(block)
    for union in (union for union in UNIONS if union.block == block.__name__):
        name = union.discriminator
        for value, (field, required) in union.cases.items():
            yield Rule(
                holds=f"self.{name} == '{value}' || !has(self.{field})",
                field=field,
                says=f"{field} goes with {name}: {value}, but {name} is {{self.{name}}}. "
                f"Remove it, or write {name}: {value}.",
                reason="FieldValueForbidden",
            )
            if required:
                yield Rule(
                    holds=f"self.{name} != '{value}' || has(self.{field})",
                    field=field,
                    says=f"It is missing: {name} is {value}. Write `{field}:` and {describe(fields[field].shape)}.",
                    reason="FieldValueRequired",
                )
