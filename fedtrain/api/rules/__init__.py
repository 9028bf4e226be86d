"""Rules that types cannot express: between fields, between documents, and on the disk. One file per block.

Each rule is one object (`fedtrain.api.rules.rule`): a module-level name with `@rule`, or a call that returns a Rule.
To add a rule, write it in the file of its block; to add a block, write a file and list it in `_MODULES`.
"""

from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any, cast

from fedtrain.api.base import Block
from fedtrain.api.federated_training import FederatedTraining
from fedtrain.api.participant_policy import ParticipantPolicy
from fedtrain.api.participant_record import ParticipantRecord
from fedtrain.api.rules import (
    data,
    data_locations,
    dataset_names,
    evaluation,
    example_privacy,
    model,
    needs_validation_split,
    participant_policy,
    participant_record,
    participants,
    partitioning,
    pod_volumes,
    pods,
    policy,
    privacy,
    rounds,
    storage,
    training,
)
from fedtrain.api.rules.rule import Rule
from fedtrain.api.rules.unions import union_rules
from fedtrain.api.shapes import block_of, fields_of

_MODULES = (
    model,
    data,
    participants,
    rounds,
    training,
    partitioning,
    privacy,
    example_privacy,
    needs_validation_split,
    evaluation,
    storage,
    participant_policy,
    dataset_names,
    data_locations,
    pods,
    pod_volumes,
    participant_record,
    *policy.MODULES,
)


def all_blocks(root: type[Block]) -> dict[type[Block], None]:
    """A block and all blocks below it, in order."""
    found: dict[type[Block], None] = {root: None}
    for field in fields_of(root).values():
        if inner := block_of(field.shape):
            found |= all_blocks(inner)
    return found


def _rules(module: ModuleType) -> Iterator[Rule]:
    for value in vars(module).values():
        for one in cast(Iterable[Any], value if isinstance(value, tuple) else (value,)):
            if isinstance(one, Rule):
                yield one


def _all() -> Iterator[Rule]:
    blocks = {**all_blocks(FederatedTraining), **all_blocks(ParticipantPolicy), **all_blocks(ParticipantRecord)}
    for block in blocks:
        yield from union_rules(block)
    for module in _MODULES:
        yield from _rules(module)


RULES: tuple[Rule, ...] = tuple(_all())
