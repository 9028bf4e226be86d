"""A rule of a schema, in CEL (the Common Expression Language that the API server evaluates)."""

import re
from dataclasses import dataclass
from typing import Any, Literal

Reason = Literal["FieldValueInvalid", "FieldValueForbidden", "FieldValueRequired"]

_PART = re.compile(r"\{([^{}]*)\}")
_PARTS = re.compile(rf"({_PART.pattern})+")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """`holds`: CEL of the block as `self`, true when all is well; transition rules name `oldSelf` too. `says`: what is
    wrong and what to write instead, with CEL of texts in braces. `field`: where, relative to the block; `""` is the
    block itself."""

    holds: str
    says: str
    field: str = ""
    reason: Reason = "FieldValueInvalid"

    def as_json(self) -> dict[str, Any]:
        """An item of `x-kubernetes-validations`. The plain message is for when its expression can't be evaluated."""
        item: dict[str, Any] = {"rule": self.holds, "message": _PARTS.sub("...", self.says)}
        if _PART.search(self.says):
            item["messageExpression"] = expression(self.says)
        if self.field:
            item["fieldPath"] = f".{self.field}"
        if self.reason != "FieldValueInvalid":
            item["reason"] = self.reason
        return item


def expression(says: str) -> str:
    """CEL that puts a text together: `a {b} c` is `'a %s c'.format([b])`.

    Not `'a ' + string(b) + ' c'`: nobody knows how long the text of a number or of a list's item may get, so that the
    API server takes such a sum for endless and refuses the rule.
    """
    texts, values = _PART.split(says)[::2], _PART.findall(says)
    if not any(texts):
        (value,) = values
        return value
    text = "%s".join(text.replace("%", "%%") for text in texts)
    return f"{quoted(text)}.format([{', '.join(values)}])" if values else quoted(text)


def quoted(text: str) -> str:
    """The text as a literal of CEL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def regex(pattern: str) -> str:
    """A regular expression as a raw literal of CEL, to pass to `matches`."""
    quote = '"' if "'" in pattern else "'"
    if quote in pattern:
        raise ValueError(f"{pattern} has both kinds of quotes")
    return f"r{quote}{pattern}{quote}"
