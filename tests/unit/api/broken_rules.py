"""Which rules a file breaks."""

from collections.abc import Iterator
from dataclasses import replace
from types import CodeType, FunctionType
from typing import Any

import pytest

from fedtrain.api.rules import RULES, validate
from fedtrain.api.rules.rule import Rule, Violation


def kind(rule: Rule) -> CodeType:
    """The code of a rule's check. Rules from one factory, such as those of all unions, share it."""
    assert isinstance(rule.check, FunctionType)
    return rule.check.__code__


def recording(monkeypatch: pytest.MonkeyPatch) -> list[Rule]:
    """A list that grows by each rule that a file breaks from now on."""
    broken: list[Rule] = []

    def record(rule: Rule) -> Rule:
        def check(block: Any, context: Any) -> Iterator[Violation]:
            for violation in rule.check(block, context):
                broken.append(rule)
                yield violation

        return replace(rule, check=check)

    monkeypatch.setattr(validate, "RULES", tuple(record(rule) for rule in RULES))
    return broken
