"""Events of a run. Renderers turn them into a live table, plain lines or JSON."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fedtrain.contracts.records import Evaluation, Manifest, Plan
from fedtrain.contracts.untrusted_records import Update
from fedtrain.rounds.decision import Phase
from fedtrain.rounds.snapshot import TaskKey
from fedtrain.runner.worker_pool import Ended, Progress


@dataclass(frozen=True)
class RunStarted:
    """`round`: the next round; above 0 when the run resumes. `own_choices`: whether the participants measure the metric
    Choices, too."""

    name: str
    run_id: str
    url: str
    participants: tuple[str, ...]
    rounds: int
    round: int
    own_choices: bool = False


@dataclass(frozen=True)
class WorkersStarting:
    """`count`: workers that are still starting; 0 when all are ready. Nothing happens until the first of them is."""

    count: int


@dataclass(frozen=True)
class PhaseChanged:
    round: int
    phase: Phase
    message: str


@dataclass(frozen=True)
class Planned:
    """`trained`: number of samples that the steps of each participant process in this round, with repeats."""

    plan: Plan
    trained: Mapping[str, int]


@dataclass(frozen=True)
class TaskStarted:
    key: TaskKey


@dataclass(frozen=True)
class Delivered:
    """A participant's update is in. `size` in bytes."""

    update: Update


@dataclass(frozen=True)
class Recorded:
    """A round's manifest is written. `seconds`: wall time of the round in this process. `reason`: why the round was
    rolled back; empty otherwise."""

    manifest: Manifest
    evaluation: Evaluation | None
    seconds: float
    reason: str = ""


@dataclass(frozen=True)
class ObjectIgnored:
    """An object in the ledger has a record's name and is not a valid record of this run."""

    name: str
    reason: str


@dataclass(frozen=True)
class StoreOutage:
    """The store does not answer; deadlines stand still until it does."""

    message: str


@dataclass(frozen=True)
class OtherCoordinator:
    """Another process works on the same run. `text`: such as `process 123 on host`."""

    text: str


@dataclass(frozen=True)
class RunEnded:
    """`outcome`: Succeeded, Halted or Failed."""

    outcome: str
    round: int
    message: str


Event = (
    RunStarted
    | WorkersStarting
    | PhaseChanged
    | Planned
    | TaskStarted
    | Progress
    | Ended
    | Delivered
    | Recorded
    | ObjectIgnored
    | StoreOutage
    | OtherCoordinator
    | RunEnded
)
Listener = Callable[[Event], None]
