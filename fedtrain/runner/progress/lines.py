"""Lines that stay on the screen: results of updates and rounds, failures and warnings."""

from collections.abc import Mapping
from typing import TypeGuard

from fedtrain.contracts.headline_metric import loss_text
from fedtrain.ledger.file_errors import DISK_FULL
from fedtrain.plurals import several
from fedtrain.runner.events import (
    Delivered,
    Event,
    ObjectIgnored,
    OtherCoordinator,
    Planned,
    Recorded,
    RunEnded,
    RunStarted,
    StoreOutage,
)
from fedtrain.runner.progress.text import bytes_text, metric_text, other_text, recorded_text, round_text, task_text
from fedtrain.runner.worker_pool import Ended


class Lines:
    """Events as lines; the command reports how the run ended. Failures before round 1 that are not retried wait until
    it is known whether the run ends with the same reason."""

    def __init__(self) -> None:
        self._rounds = 0
        self._seconds: dict[str, float] = {}
        self._trained: Mapping[str, int] = {}
        self._failures: list[Ended] = []

    def of(self, event: Event) -> list[str]:
        """Return the lines for one event, in order."""
        if _may_end_the_run(event):
            self._failures.append(event)
            return []
        found: list[str] = []
        if isinstance(event, Planned | Recorded | RunEnded):
            message = event.message if isinstance(event, RunEnded) else ""
            found = [self._line(one) for one in self._failures if one.execution.reason not in message]
            self._failures.clear()
        return [line for line in (*found, self._line(event)) if line]

    def _line(self, event: Event) -> str:
        match event:
            case RunStarted():
                self._rounds = event.rounds
                resumed = f", resumes at round {event.round}" if 0 < event.round <= event.rounds else ""
                who = f"{several(event.rounds, 'round')}, {several(len(event.participants), 'participant')}"
                return f"{event.name}: {who}{resumed} ({event.url})"
            case Planned(plan, trained):
                self._trained = trained
                shares = ", ".join(f"{who} {count:,}" for who, count in trained.items())
                return f"round {plan.round}/{self._rounds} planned  samples to train on: {shares}"
            case Ended() if event.execution.state == "Done" and event.key.kind == "Train":
                self._seconds[event.key.who] = event.wall
                return ""
            case Delivered(update):
                seconds = self._seconds.pop(update.participant, None)
                took = "" if seconds is None else f"  {seconds:.1f} s"
                received = "".join(f"  received {metric_text(*item)}" for item in update.received.items())
                loss = "loss private" if update.train_loss is None else f"loss {loss_text(update.train_loss)}"
                return (
                    f"round {update.round}/{self._rounds}  {update.participant}  "
                    f"{self._trained[update.participant]:,} trained  {loss}{received}  {bytes_text(update.size)}{took}"
                )
            case Ended() if event.execution.state == "Failed":
                key, reason = event.key, event.execution.reason
                return f"{round_text(key, self._rounds)}  {task_text(key)}  attempt {key.attempt} failed: {reason}"
            case Recorded():
                return recorded_text(event, self._rounds)
            case ObjectIgnored(name, reason):
                return f"ignoring {name}: {reason}"
            case StoreOutage():
                return f"the store does not answer, waiting: {event.message}"
            case OtherCoordinator(text):
                return other_text(text)
            case _:
                return ""


def _may_end_the_run(event: Event) -> TypeGuard[Ended]:
    """Whether the run may end with the same reason: the event is a failure before round 1 that is not retried, or a
    disk is full on which the coordinator writes too."""
    if not isinstance(event, Ended) or event.execution.state != "Failed":
        return False
    if event.execution.reason.startswith(DISK_FULL):
        return True
    return event.key.round == 0 and not event.execution.retryable
