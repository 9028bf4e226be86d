"""Run the rules on the documents of a file.

A file with other errors is checked as far as possible: a rule that needs a malformed or missing field is skipped.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from fedtrain.api.base import Block
from fedtrain.api.federated_training import FederatedTraining, FederatedTrainingSpec, Metadata
from fedtrain.api.pods import Pods
from fedtrain.api.rules import RULES
from fedtrain.api.rules.context import Context, Found, Place
from fedtrain.api.rules.rule import Rule, Scope, Violations
from fedtrain.api.unread_paths import without_control_characters


@dataclass(frozen=True)
class Problem:
    """A violation in a file. With `at_key` it is reported at the field's name instead of its value."""

    place: Place
    message: str
    fix: str
    at_key: bool = False


def validate(context: Context, *, cluster: bool = False, policies_elsewhere: bool = False) -> Iterator[Problem]:
    """All violations in a file. With `cluster` its paths are those of pods, not of this machine. With
    `policies_elsewhere` participants may have policies outside the file."""
    scopes: set[Scope] = {"Object", "Cluster" if cluster else "Disk"}
    if not policies_elsewhere:
        scopes.add("AllPolicies")
    rules = _by_block(scopes)
    for document in context.documents:
        for block, place in _blocks(document.value, document.place):
            for rule in _rules_on(block, rules):
                yield from _problems(rule, block, place, context)


def cluster_problems(spec: FederatedTrainingSpec) -> Iterator[Problem]:
    """Violations of the rules for clusters, for objects that were created before their CRD contained these rules."""
    training = FederatedTraining(metadata=Metadata(name="training"), spec=spec)
    yield from _without_file(training, training, {"Cluster"})


def pods_problems(pods: Pods) -> Iterator[Problem]:
    """Violations in the settings of pods outside a file, which no API server has checked."""
    yield from _without_file(pods, FederatedTraining.model_construct(), {"Object"})


def _without_file(checked: Block, training: FederatedTraining, scopes: Set[Scope]) -> Iterator[Problem]:
    place = Place(0, ())
    context = Context(Found(training, place), (), Path("/"))
    rules = _by_block(scopes)
    for block, at in _blocks(checked, place):
        for rule in _rules_on(block, rules):
            yield from _problems(rule, block, at, context)


def has_no_policies(context: Context) -> bool:
    """Whether the training has participants and the file no policy, as in a file for a cluster."""
    return not context.policies and bool(getattr(getattr(context.training.value, "spec", None), "participants", ()))


def _rules_on(block: Block, rules: Mapping[type[Block], list[Rule]]) -> Iterator[Rule]:
    """The rules on a block's type and on the types that it is derived from."""
    for kind in type(block).__mro__:
        yield from rules.get(kind, ())


def _by_block(scopes: Set[Scope]) -> defaultdict[type[Block], list[Rule]]:
    rules: defaultdict[type[Block], list[Rule]] = defaultdict(list)
    for rule in RULES:
        if rule.scope in scopes:
            rules[rule.block].append(rule)
    return rules


def _problems(rule: Rule, block: Block, place: Place, context: Context) -> Iterator[Problem]:
    for violation in _skip_missing(rule, block, context):
        texts = (text.format(**violation.values) for text in (rule.message, rule.fix))
        message, fix = map(without_control_characters, texts)
        yield Problem(place.at(*rule.path(violation)), message, fix, rule.at_key)


def _skip_missing(rule: Rule, block: Block, context: Context) -> Violations:
    """The rule's violations, up to the first access to a field that a malformed file lacks."""
    try:
        yield from rule.check(block, context)
    except AttributeError as error:
        if not isinstance(error.obj, Block) or error.name not in type(error.obj).model_fields:
            raise


def _blocks(value: Any, place: Place) -> Iterator[tuple[Block, Place]]:
    """A block and all blocks below it."""
    if isinstance(value, Block):
        yield value, place
        for name, info in type(value).model_fields.items():
            yield from _blocks(getattr(value, name, None), place.at(info.alias or name))
    elif isinstance(value, tuple):
        for number, item in enumerate(cast(tuple[object, ...], value)):
            yield from _blocks(item, place.at(number))
