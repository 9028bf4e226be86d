"""The objects that a task leaves in the ledger: its record, its update file and its telemetry. Pure."""

from fedtrain.contracts import names
from fedtrain.contracts.noise_records import NoiseDraw
from fedtrain.contracts.record import Record
from fedtrain.contracts.records import Evaluation, Initial
from fedtrain.contracts.tasks import Evaluate, Initialise, Inspect, Measure, Task, Train
from fedtrain.contracts.untrusted_records import Measurement, Preflight, Update

TELEMETRY_FILE = "trainer.json"
"""Seconds, hosts and the outcome of one execution."""


def record_of(task: Task) -> tuple[type[Record], str]:
    """Return the kind and the name of the record of a task. Raises ValueError if the task lacks its participant."""
    match task.work:
        case Initialise():
            return Initial, names.initial()
        case Inspect():
            return Preflight, names.preflight(participant_of(task))
        case Measure():
            return Measurement, names.measurement(task.round, participant_of(task))
        case Evaluate(k=k):
            return Evaluation, names.evaluation(task.round, k)
        case _:
            return Update, names.update(task.round, participant_of(task), task.attempt)


def check_kind(task: Task, kind: type[Record]) -> None:
    """Raises TypeError unless the task leaves records of this kind."""
    expected, _ = record_of(task)
    if kind is not expected:
        raise TypeError(f"{task.work.type} work leaves a {expected.__name__} record, not {kind.__name__}.")


def update_file_of(task: Task, execution: str) -> str:
    """Return the name of the update file of one execution of a training task."""
    plan = task.work.plan if isinstance(task.work, Train) else None
    folder = names.update_folder(task.round, participant_of(task), task.attempt)
    return f"{folder}/{names.update_file(plan, execution)}"


def noise_draw_of(task: Task) -> str:
    """Return the name of the claim of the noise of an attempt's update."""
    return names.noise_draw(task.round, participant_of(task), task.attempt)


def noise_draw(task: Task, execution: str) -> NoiseDraw:
    """Return the claim of one execution."""
    return NoiseDraw(
        run_id=task.run_id,
        round=task.round,
        participant=participant_of(task),
        attempt=task.attempt,
        execution=execution,
    )


def telemetry_of(task: Task, file: str) -> str:
    """Return the path of a telemetry file, below `telemetry/`."""
    return f"{names.round_folder(task.round)}/{_who(task)}-{task.attempt}/{file}"


def participant_of(task: Task) -> str:
    """Raises ValueError if the task names no participant."""
    if task.participant is None:
        raise ValueError(f"{task.work.type} work is a participant's, but this task names none.")
    return task.participant


def _who(task: Task) -> str:
    """The participant for training, and the work's name with a `_`, which no participant starts with, for the rest."""
    match task.work:
        case Initialise():
            return "_initialise"
        case Inspect():
            return f"_inspect-{participant_of(task)}"
        case Measure():
            return f"_measure-{participant_of(task)}"
        case Evaluate(k=k):
            return f"_evaluate-{k}"
        case _:
            return participant_of(task)
