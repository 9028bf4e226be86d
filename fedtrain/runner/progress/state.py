"""The state of a run for a viewer, kept up to date from its events."""

from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

from fedtrain.runner.events import (
    Delivered,
    Event,
    PhaseChanged,
    Planned,
    Recorded,
    RunEnded,
    RunStarted,
    StoreOutage,
    TaskStarted,
    WorkersStarting,
)
from fedtrain.runner.progress.text import HUB_WORK, PHASES, step_text
from fedtrain.runner.worker_pool import Ended, Progress

TRAINING_SHARE = 0.9
"""Share of a round's progress that training is; aggregation and evaluation are the rest."""


@dataclass
class Row:
    """One participant in the current round. `metric`: of the adapter that it received; `seconds` and `size` (bytes) of
    its update once that has arrived. `trained`: samples that its steps process; None if it does not train in this
    round."""

    state: str = ""
    is_busy: bool = False
    is_done: bool = False
    trained: int | None = None
    loss: float | None = None
    metric: tuple[str, float] | None = None
    seconds: float | None = None
    size: int | None = None
    attempt: int = 1
    step: int | None = None
    steps: int | None = None
    has_trained: float = 0.0
    """Share of the steps of its training that this attempt has done."""

    @property
    def progress(self) -> float:
        """Share of its training that is done. Steps of measuring do not count."""
        return 1.0 if self.is_done else self.has_trained


@dataclass
class View:
    """The run as it stands. `starting`: workers that are not ready yet. `hub`: what the hub does. `labels`:
    number of labels that its metric Choices compares, if the participants have such a metric (`own_choices`), too:
    theirs are not comparable. `durations`: seconds
    of the rounds above 0 that this process recorded. `since`, `round_since`: on `clock`."""

    clock: Callable[[], float] = monotonic
    name: str = ""
    rounds: int = 0
    round: int = 0
    phase: str = "opening the ledger"
    message: str = ""
    starting: int = 0
    participants: tuple[str, ...] = ()
    rows: dict[str, Row] = field(default_factory=dict[str, Row])
    hub: str = ""
    hub_progress: float = 0.0
    own_choices: bool = False
    labels: int | None = None
    ended: bool = False
    durations: list[float] = field(default_factory=list[float])
    since: float = field(init=False)
    round_since: float = field(init=False)

    def __post_init__(self) -> None:
        self.since = self.round_since = self.clock()

    @property
    def trains(self) -> bool:
        """Whether a round is in progress: not before the first one, nor while the final adapter is measured."""
        return self.round > 0 and not self.ended and self.phase != PHASES["Measuring"]

    @property
    def round_progress(self) -> float:
        """Share of the current round that is done, from 0 to 1."""
        members = [row for row in self.rows.values() if row.trained is not None]
        if not members or self.round == 0:
            return 0.0
        trained = sum(row.progress for row in members) / len(members)
        return min(1.0, TRAINING_SHARE * trained + (1 - TRAINING_SHARE) * self.hub_progress)

    def take(self, event: Event) -> None:
        match event:
            case RunStarted():
                self.name, self.rounds, self.participants = event.name, event.rounds, event.participants
                self.own_choices = event.own_choices
                self.round, self.rows = min(event.round, event.rounds), {who: Row() for who in event.participants}
            case WorkersStarting(count):
                self.starting = count
            case PhaseChanged():
                if event.round != self.round:
                    self.round_since = self.clock()
                    self.rows, self.hub_progress = {who: Row() for who in self.participants}, 0.0
                self.round, self.message = event.round, event.message
                self.phase = PHASES.get(event.phase, event.phase)
            case Planned(plan, trained):
                absent = {who.participant: Row(state=f"sits out: {who.reason}") for who in plan.absent}
                members = {who: Row(state="waiting", trained=count) for who, count in trained.items()}
                self.rows = {who: (absent | members).get(who, Row()) for who in self.participants}
                self.hub_progress = 0.0
            case TaskStarted(key):
                self._started(key.who, key.kind, key.attempt)
            case Progress():
                self._progress(event)
            case Ended():
                self._ended(event)
            case Delivered(update):
                row = self.rows[update.participant]
                row.state, row.is_done, row.is_busy, row.loss = "done", True, False, update.train_loss
                row.size, row.steps = update.size, None
                row.metric = next(iter(update.received.items()), None)
            case Recorded(manifest):
                if self.own_choices and event.evaluation and event.evaluation.labels:
                    self.labels = event.evaluation.labels.count
                if manifest.round > 0:
                    self.durations.append(event.seconds)
            case RunEnded():
                self.round, self.phase, self.message, self.hub = event.round, event.outcome.lower(), event.message, ""
                self.ended = True
            case StoreOutage():
                self.message = event.message
            case _:
                pass

    def _started(self, who: str, kind: str, attempt: int) -> None:
        if who in self.rows:
            row = self.rows[who]
            row.attempt, row.is_busy, row.is_done, row.has_trained = attempt, False, False, 0.0
            row.state = "waiting for a worker"
        else:
            self.hub, self.hub_progress = HUB_WORK.get(kind, kind), 0.0

    def _progress(self, event: Progress) -> None:
        state = step_text(event.key, event.phase)
        if event.key.who not in self.rows:
            count = f" {event.step}/{event.steps}" if event.steps else ""
            work = HUB_WORK.get(event.key.kind, event.key.kind)
            self.hub = f"{work}{count}" if state == "evaluating" else f"{work}: {state}{count}"
            self.hub_progress = (event.step or 0) / event.steps if event.steps else 0.0
            return
        row = self.rows[event.key.who]
        if row.is_done:  # the ledger had the update before the worker reported its last phase
            return
        row.state, row.is_busy = state, True
        row.step, row.steps = (event.step, event.steps) if event.steps else (None, None)
        if event.key.kind == "Train" and event.phase == "training" and event.steps:
            row.has_trained = (event.step or 0) / event.steps
        row.loss = event.loss if event.loss is not None else row.loss

    def _ended(self, event: Ended) -> None:
        if event.key.who not in self.rows:
            self.hub = ""
            return
        row = self.rows[event.key.who]
        row.seconds, row.step, row.is_busy = event.wall, None, False
        if event.execution.state == "Failed":
            row.state = f"attempt {event.key.attempt} failed"
        elif event.key.kind != "Train":
            row.state = "ready"
