"""Immutable fields: those of a training once the run has begun, except those in `changeable_fields.py`, and those of a
task, except `desiredState`."""

from collections.abc import Iterator

from fedtrain.api.base import Block
from fedtrain.api.begun import FIRST_ROUND
from fedtrain.api.changeable_fields import ON_A_CLUSTER
from fedtrain.api.crd.defaults import always_set
from fedtrain.api.crd.validation import Validation, quoted
from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.shapes import fields_of
from fedtrain.api.training_task import TrainingTaskSpec


def _unchanged(spec: type[Block], mutable: tuple[str, ...], above: str = "") -> Iterator[tuple[str, str]]:
    """Each immutable field, and CEL that is true if it has not changed. `above` is the path from the rule's block."""

    def walk(block: type[Block], path: str) -> Iterator[tuple[str, str]]:
        for name, field in fields_of(block).items():
            at = f"{path}.{name}".removeprefix(".")
            if at in mutable:
                continue
            if any(free.startswith(f"{at}.") for free in mutable):
                assert field.shape.block is not None, at
                assert always_set(field), at
                yield from walk(field.shape.block, at)
                continue
            now, before = f"self.{above}{at}", f"oldSelf.{above}{at}"
            same = f"{now} == {before}"
            if not always_set(field):
                same = f"has({now}) == has({before}) && (!has({now}) || {same})"
            yield f"{above}{at}", same

    yield from walk(spec, "")


_ORDER = "self.spec.participants.map(p, p.name) == oldSelf.spec.participants.map(p, p.name)"
"""Lists of type map are equal in any order, but the order of participants is the order of summation."""
_BEGUN = f"has(oldSelf.status) && has(oldSelf.status.round) && oldSelf.status.round >= {FIRST_ROUND}"
"""`fedtrain.api.begun` in CEL. The status may lag behind the ledger: the coordinator refuses a change that comes too
late (condition Accepted, reason SpecDiffers), and this rule lets the user revert it."""
_CLOCKS = "has(self.status) && has(self.status.elapsed) && has(oldSelf.status.elapsed)"
_STATUS_WRITE = f"{_CLOCKS} && self.status.elapsed.seconds != oldSelf.status.elapsed.seconds"
"""A write of the status cannot change the spec. Most writes are of the status, and comparing the specs would be most
of their cost."""


def _training() -> Validation:
    """One validation for all fields, so that a write of the status is recognised once."""
    unchanged = {
        field: f"{same} && {_ORDER}" if field == "spec.participants" else same
        for field, same in _unchanged(FederatedTrainingSpec, ON_A_CLUSTER, "spec.")
    }
    same = " && ".join(f"({one})" for one in unchanged.values())
    # Not a list that is filtered and joined: the API server estimates its cost as too high.
    changed = {
        f"field{number}": f"({one}) ? '' : {quoted(f' {field}')}"
        for number, (field, one) in enumerate(unchanged.items())
    }
    return Validation(
        valid=f"!({_BEGUN}) || ({_STATUS_WRITE}) || ({same})",
        field="spec",
        message=f"These fields are immutable once the run has begun:{''.join(f'{{{name}}}' for name in changed)}. "
        "Revert them, or start a new run with another `metadata.name`.",
        values=changed,
        reason="FieldValueForbidden",
    )


TRAINING = (_training(),)

TASK = tuple(
    Validation(
        valid=same,
        field=field,
        message="A task is immutable, except for `desiredState`. Create a new task.",
        reason="FieldValueForbidden",
    )
    for field, same in _unchanged(TrainingTaskSpec, ("desiredState",))
)
