"""One rule of the API as one object: field, message, fix, Python check and, where one object is enough, CEL.

`fedtrain validate` runs the check and the CustomResourceDefinitions contain the CEL expression. Both fill in the same
message: `{name}` in a message or fix is a value that the check passes and that `Cel.values` gives as an expression.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from fedtrain.api.base import Block
from fedtrain.api.paths import Path
from fedtrain.api.rules.context import Context

Reason = Literal["FieldValueInvalid", "FieldValueForbidden", "FieldValueRequired"]
Scope = Literal["Object", "Disk", "AllPolicies", "Cluster"]


@dataclass(frozen=True)
class Violation:
    """A broken rule. `values` fill in the message; `path` replaces the rule's field, relative to its block."""

    values: Mapping[str, object]
    path: Path = ()


Violations = Iterator[Violation]
Check = Callable[[Any, Context], Violations]


def broken(*path: str | int, **values: object) -> Violation:
    """A Violation at the rule's field, or at `path` below its block."""
    return Violation(values, path)


@dataclass(frozen=True, kw_only=True)
class Cel:
    """The CEL expression of a rule. `valid` is true for a valid object. `of_field`: `self` is the value of the rule's
    field, so that the API server shows it; otherwise `self` is the block. `block` and `field` are where the API server
    evaluates and reports it, if not at the rule's own; then `item` says which item of a list is meant."""

    valid: str
    values: Mapping[str, str] = field(default_factory=dict[str, str])
    of_field: bool = False
    block: type[Block] | None = None
    field: str | None = None
    item: str = ""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """`check` takes a block and yields what is broken in it; the rule also applies to blocks derived from `block`.
    `field` is where errors are reported, relative to the
    block; with `at_key`, at the field's name instead of its value. `scope`: `Object` rules need one file, `Disk` rules
    look at this machine's disk, `AllPolicies` rules need every policy, and `Cluster` rules are for clusters only."""

    name: str
    summary: str
    block: type[Block]
    field: str
    message: str
    fix: str
    check: Check
    cel: Cel | None = None
    reason: Reason = "FieldValueInvalid"
    at_key: bool = False
    scope: Scope = "Object"

    def path(self, violation: Violation) -> Path:
        """Where a violation is, relative to the block."""
        return violation.path or tuple(self.field.split(".")) if self.field else violation.path


def rule(
    block: type[Block],
    field: str = "",
    *,
    message: str,
    fix: str,
    cel: Cel | None = None,
    reason: Reason = "FieldValueInvalid",
    at_key: bool = False,
    scope: Scope = "Object",
) -> Callable[[Check], Rule]:
    """Make a Rule of a check; its docstring is the rule's line in docs/reference.md."""

    def make(check: Check) -> Rule:
        return Rule(
            name=check.__name__,
            summary=" ".join((check.__doc__ or "").split()),
            block=block,
            field=field,
            message=message,
            fix=fix,
            check=check,
            cel=cel,
            reason=reason,
            at_key=at_key,
            scope=scope,
        )

    return make


def regex(pattern: str) -> str:
    """A regular expression as a raw CEL literal, to pass to `matches`."""
    quote = '"' if "'" in pattern else "'"
    if quote in pattern:
        raise ValueError(f"{pattern} contains both kinds of quotes")
    return f"r{quote}{pattern}{quote}"


def quoted(text: str) -> str:
    """The text as a CEL literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
