"""What a viewer needs to know of a run, kept up to date from its events."""

from dataclasses import dataclass, field

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
)
from fedtrain.runner.worker_pool import Ended, Progress

WORKING = {"measuring": "measuring", "training": "training", "evaluating": "evaluating", "uploading": "sending"}


@dataclass
class Row:
    """One participant in the current round. `metric`: of the adapter it received; `seconds` and `size` (bytes) of its
    update once that is in."""

    state: str = ""
    samples: int | None = None
    loss: float | None = None
    metric: tuple[str, float] | None = None
    seconds: float | None = None
    size: int | None = None
    attempt: int = 1
    step: int | None = None
    steps: int | None = None


@dataclass
class View:
    """The run as it stands. `history`: a line's worth a round that was recorded."""

    name: str = ""
    rounds: int = 0
    round: int = 0
    phase: str = ""
    message: str = ""
    participants: tuple[str, ...] = ()
    rows: dict[str, Row] = field(default_factory=dict[str, Row])
    history: list[Recorded] = field(default_factory=list[Recorded])
    hub: str = ""

    def take(self, event: Event) -> None:
        match event:
            case RunStarted():
                self.name, self.rounds, self.participants = event.name, event.rounds, event.participants
                self.rows = {who: Row() for who in event.participants}
            case PhaseChanged():
                self.round, self.phase, self.message = event.round, event.phase, event.message
            case Planned(plan):
                absent = {who.participant: Row(state=f"sits out: {who.reason}") for who in plan.absent}
                members = {m.participant: Row(state="waiting", samples=m.samples) for m in plan.members}
                self.rows = {who: (absent | members).get(who, Row()) for who in self.participants}
            case TaskStarted(key):
                self._started(key.who, key.kind, key.attempt)
            case Progress():
                self._progress(event)
            case Ended():
                self._ended(event)
            case Delivered(update):
                row = self.rows[update.participant]
                row.state, row.loss, row.size, row.steps = "done", update.train_loss, update.size, None
                row.metric = next(iter(update.received.items()), None)
            case Recorded():
                self.history.append(event)
            case RunEnded():
                self.round, self.phase, self.message, self.hub = event.round, event.outcome, event.message, ""
            case StoreOutage():
                self.message = event.message
            case _:
                pass

    def _started(self, who: str, kind: str, attempt: int) -> None:
        if who in self.rows:
            row = self.rows[who]
            row.attempt = attempt
            row.state = {"Inspect": "counting data", "Measure": "measuring"}.get(kind, "waiting")
        else:
            self.hub = {"Initialise": "creating the initial adapter", "Evaluate": "evaluating"}.get(kind, "aggregating")

    def _progress(self, event: Progress) -> None:
        if event.key.who not in self.rows:
            return
        row = self.rows[event.key.who]
        row.state = WORKING.get(event.phase, event.phase)
        row.step, row.steps = event.step, event.steps
        row.loss = event.loss if event.loss is not None else row.loss

    def _ended(self, event: Ended) -> None:
        if event.key.who not in self.rows:
            self.hub = ""
            return
        row = self.rows[event.key.who]
        row.seconds, row.step = event.wall, None
        if event.execution.state == "Failed":
            row.state = f"attempt {event.key.attempt} failed: {event.execution.reason}"
        elif event.key.kind != "Train":
            row.state = "ready"
