"""Fields that may not change: all of a training's spec once the run has begun and all of a task's, except those named
here."""

from collections.abc import Iterator

from fedtrain.api.base import Block
from fedtrain.api.begun import FIRST_ROUND
from fedtrain.api.crd.defaults import always_there
from fedtrain.api.crd.rule import Rule, quoted
from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.shapes import fields_of
from fedtrain.api.training_task import TrainingTaskSpec

MAY_CHANGE = ("suspend", "rounds.deadline", "storage.retentionPolicy")
"""Of a training: when it runs and what is kept, not what comes out."""


def _unchanged(spec: type[Block], may_change: tuple[str, ...], above: str = "") -> Iterator[tuple[str, str]]:
    """Each field that stays as it is, and CEL of whether it has. `above`: where the rule's own block has `spec`."""

    def walk(block: type[Block], path: str) -> Iterator[tuple[str, str]]:
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
            yield f"{above}{at}", same

    yield from walk(spec, "")


_ORDER = "self.spec.participants.map(p, p.name) == oldSelf.spec.participants.map(p, p.name)"
"""Lists by name are equal in any order, but participants' updates are added up in this one."""
_BEGUN = f"has(oldSelf.status) && has(oldSelf.status.round) && oldSelf.status.round >= {FIRST_ROUND}"
"""`fedtrain.api.begun` in CEL. The status may lag behind the ledger: the coordinator refuses a change that comes too
late (condition Accepted, reason SpecDiffers), and this rule lets the user revert it."""
_CLOCKS = "has(self.status) && has(self.status.elapsed) && has(oldSelf.status.elapsed)"
_STATUS_WRITE = f"{_CLOCKS} && self.status.elapsed.seconds != oldSelf.status.elapsed.seconds"
"""Who writes a status can't write a spec. Most writes of a training are of its status, and to compare the two specs is
most of what such a write would cost the API server."""


def _training() -> Rule:
    """One rule for all fields, so that a write of the status is known once."""
    unchanged = {
        field: f"{same} && {_ORDER}" if field == "spec.participants" else same
        for field, same in _unchanged(FederatedTrainingSpec, MAY_CHANGE, "spec.")
    }
    same = " && ".join(f"({one})" for one in unchanged.values())
    # Not a list that is filtered and joined: for the API server that may cost too much.
    changed = "".join(f"{{({one}) ? '' : {quoted(f' {field}')}}}" for field, one in unchanged.items())
    what_now = "leave it as it was, or give the new run another metadata.name."
    says = f"This may not change in a run:{changed}; {what_now}"
    return Rule(
        holds=f"!({_BEGUN}) || ({_STATUS_WRITE}) || ({same})", field="spec", says=says, reason="FieldValueForbidden"
    )


TRAINING = (_training(),)

_ONCE = "A task never changes, but for desiredState. Make a new one."
TASK = tuple(
    Rule(holds=same, field=field, says=_ONCE, reason="FieldValueForbidden")
    for field, same in _unchanged(TrainingTaskSpec, ("desiredState",))
)
