"""An item of `x-kubernetes-validations`: a condition in CEL (Common Expression Language) and a message with values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from string import Formatter
from typing import Any

from fedtrain.api.rules.rule import Cel, Reason, Rule, quoted


@dataclass(frozen=True, kw_only=True)
class Validation:
    """`valid` is true for a valid value; transition rules use `oldSelf` too. `{name}` in `message` is filled in with
    the CEL expression `values[name]`. `field` is relative to the schema; `""` is the schema's own value."""

    valid: str
    message: str
    values: Mapping[str, str] = field(default_factory=dict[str, str])
    field: str = ""
    reason: Reason = "FieldValueInvalid"

    def as_json(self) -> dict[str, Any]:
        """The item. The API server shows the plain message when it cannot evaluate the expression."""
        plain = "".join(text + ("..." if name else "") for text, name in _parts(self.message))
        item: dict[str, Any] = {"rule": self.valid, "message": plain}
        if any(name for _, name in _parts(self.message)):
            item["messageExpression"] = message_expression(self.message, self.values)
        if self.field:
            item["fieldPath"] = f".{self.field}"
        if self.reason != "FieldValueInvalid":
            item["reason"] = self.reason
        return item


def validation(rule: Rule, cel: Cel) -> Validation:
    """A rule as the API server evaluates it."""
    item = f"{cel.item}: " if cel.item else ""
    field = "" if cel.of_field else rule.field if cel.field is None else cel.field
    message = f"{item}{rule.message} {rule.fix}"
    return Validation(valid=cel.valid, message=message, values=cel.values, field=field, reason=rule.reason)


def message_expression(message: str, values: Mapping[str, str]) -> str:
    """The CEL expression that fills in a message: `a {b} c` is `'a %s c'.format([...])`.

    A sum of strings would not do: the API server cannot bound the length of a converted number, and refuses the rule.
    """
    parts = _parts(message)
    text = "".join(text.replace("%", "%%") + ("%s" if name else "") for text, name in parts)
    return f"{quoted(text)}.format([{', '.join(values[name] for _, name in parts if name)}])"


def _parts(message: str) -> list[tuple[str, str | None]]:
    return [(text, name) for text, name, _, _ in Formatter().parse(message)]
