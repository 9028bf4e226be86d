"""What may not change once an object is there: everything, but for a few fields that are named here."""

from collections.abc import Iterator
from dataclasses import replace

from fedtrain.api.base import Block
from fedtrain.api.crd.defaults import always_there
from fedtrain.api.crd.rule import Rule
from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.shapes import fields_of
from fedtrain.api.training_task import TrainingTaskSpec

MAY_CHANGE = ("suspend", "rounds.deadline", "storage.retentionPolicy")
"""Of a training: when it runs and what is kept, not what comes out."""


def unchanging(spec: type[Block], may_change: tuple[str, ...], says: str, at_root: bool = False) -> Iterator[Rule]:
    """A rule for each field that stays as it is. All are on `spec` itself, where the old value is always known, or on
    the object's root."""
    above = "spec." if at_root else ""

    def walk(block: type[Block], path: str) -> Iterator[Rule]:
        for name, field in fields_of(block).items():
            at = f"{path}.{name}".removeprefix(".")
            if at in may_change:
                continue
            if any(free.startswith(f"{at}.") for free in may_change):
                assert field.shape.block is not None, at
                assert always_there(field), at
                yield from walk(field.shape.block, at)
                continue
            now, before = f"self.{above}{at}", f"oldSelf.{above}{at}"
            same = f"{now} == {before}"
            if not always_there(field):
                same = f"has({now}) == has({before}) && (!has({now}) || {same})"
            yield Rule(holds=same, field=f"{above}{at}", says=says, reason="FieldValueForbidden")

    yield from walk(spec, "")


_TRAINING = "It may not change in a run. Change it back to go on, or give the new run another metadata.name."
_ORDER = "self.spec.participants.map(p, p.name) == oldSelf.spec.participants.map(p, p.name)"
_BEGUN = "has(oldSelf.status) && has(oldSelf.status.round)"
"""What was wrong before that may be put right. A ledger that knows another spec outranks this."""


def _once_begun(rule: Rule) -> Rule:
    """Lists by name are equal in any order, but participants' updates are added up in this one."""
    same = f"{rule.holds} && {_ORDER}" if rule.field == "spec.participants" else rule.holds
    return replace(rule, holds=f"({same}) || !({_BEGUN})")


TRAINING = tuple(_once_begun(rule) for rule in unchanging(FederatedTrainingSpec, MAY_CHANGE, _TRAINING, at_root=True))

TASK = tuple(
    unchanging(TrainingTaskSpec, ("desiredState",), "A task never changes, but for desiredState. Make a new one.")
)
