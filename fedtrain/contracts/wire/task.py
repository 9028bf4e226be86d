"""A task on the wire, and its conversion to and from the model that components work with."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from fedtrain.contracts.record import CONTRACT_VERSION
from fedtrain.contracts.tasks import Assignment, Binding, Task
from fedtrain.contracts.wire import blocks
from fedtrain.contracts.wire.base import Wire
from fedtrain.contracts.wire.features import required_features, unknown_features


class Requirements(Wire):
    """What the receiver of a task must support. Read first: a task that needs more may lack fields of this version."""

    contract_version: int
    required_features: tuple[str, ...] = ()


class WireTask(Requirements):
    """`spec.task` of a TrainingTask."""

    namespace: str
    name: str
    run_id: str
    round: int
    attempt: int
    participant: str | None = None
    min_participants: int | None = None
    privacy: blocks.PrivacyPromise | None = None
    base_fingerprint: blocks.BaseFingerprint | None = None
    model: blocks.Model
    data: blocks.Data
    training: blocks.Training
    work: blocks.Work


class TaskRefused(Exception):
    """The receiver cannot run this task. `reason`: one word for programs."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def to_wire(task: Task) -> dict[str, Any]:
    """Return the JSON of `task`, with the features that its receiver must know."""
    own = task.model_copy(update={"required_features": required_features(task)})
    content = own.model_dump(mode="json", by_alias=True, exclude_none=True)
    sent = WireTask.model_validate(content).model_dump(mode="json", by_alias=True, exclude_none=True)
    assert sent == content, "a field of the task is missing in fedtrain.contracts.wire"
    return sent


def from_wire(content: object) -> Task:
    """Return the task. Unknown optional fields are ignored. Raises TaskRefused for a newer contract version, an unknown
    feature, and a field that is missing or has a value that this version does not know."""
    try:
        needs = Requirements.model_validate(content)
    except ValidationError as error:
        raise _malformed(error) from error
    if needs.contract_version > CONTRACT_VERSION:
        raise TaskRefused(
            "NewerContract",
            f"the task has contract version {needs.contract_version}, but this fedtrain supports up to "
            f"{CONTRACT_VERSION}",
        )
    if unknown := unknown_features(needs.required_features):
        raise TaskRefused("UnknownFeature", f"the task requires unknown features: {', '.join(unknown)}")
    try:
        wire = WireTask.model_validate(content)
        task = Task.model_validate_json(wire.model_dump_json(by_alias=True, exclude_none=True))
    except ValidationError as error:
        raise _malformed(error) from error
    if not task.data.names:
        raise TaskRefused("MalformedTask", "spec.task.data: dataset or datasets is required")
    return task


def read_assignment(content: Mapping[str, Any]) -> Assignment:
    """Return the trainer's assignment: a task from the wire, and the participant's own binding. Raises TaskRefused."""
    task = from_wire(content.get("task"))
    try:
        return Assignment(task=task, binding=Binding.model_validate_json(json.dumps(content.get("binding"))))
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(map(str, problem["loc"]))
        raise TaskRefused("MalformedTask", f"binding.{where}: {problem['msg']}") from error


def _malformed(error: ValidationError) -> TaskRefused:
    problem = error.errors(include_url=False, include_context=False)[0]
    where, value = ".".join(map(str, problem["loc"])), problem["input"]
    but = f", but is {value}" if isinstance(value, int | float) else ""
    return TaskRefused("MalformedTask", f"spec.task.{where}: {problem['msg']}{but}")
