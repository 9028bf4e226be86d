"""Plain lines, for logs and pipes: one a change, none a step."""

import sys
from typing import TextIO, TypeGuard

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
    WorkersStarting,
)
from fedtrain.runner.progress.text import bytes_text, metric_text, other_text, recorded_text, task_text
from fedtrain.runner.worker_pool import Ended


class PlainProgress:
    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._rounds = 0
        self._seconds: dict[str, float] = {}
        self._failures: list[Ended] = []

    def __call__(self, event: Event) -> None:
        if _may_end_the_run(event):
            self._failures.append(event)
            return
        if isinstance(event, Planned | Recorded | RunEnded):
            self._show_failures(event)
        if line := self._line(event):
            print(line, file=self._out, flush=True)

    def _show_failures(self, event: Planned | Recorded | RunEnded) -> None:
        """Print the failures that the end of the run does not report."""
        message = event.message if isinstance(event, RunEnded) else ""
        for failure in self._failures:
            if failure.execution.reason not in message:
                print(self._line(failure), file=self._out, flush=True)
        self._failures.clear()

    def close(self) -> None:
        pass

    def _line(self, event: Event) -> str:
        match event:
            case RunStarted():
                self._rounds = event.rounds
                resumed = f", resumes at round {event.round}" if 0 < event.round <= event.rounds else ""
                who = f"{event.rounds} rounds, {len(event.participants)} participants"
                return f"{event.name}: {who}{resumed} ({event.url})"
            case WorkersStarting(count):
                return f"starting {count} worker{'s' if count > 1 else ''}: this takes some seconds"
            case Planned(plan):
                shares = ", ".join(f"{member.participant} {member.samples}" for member in plan.members)
                return f"round {plan.round}/{self._rounds} planned  samples: {shares}"
            case Ended() if event.execution.state == "Done" and event.key.kind == "Train":
                self._seconds[event.key.who] = event.wall
                return ""
            case Delivered(update):
                seconds = self._seconds.pop(update.participant, None)
                took = "" if seconds is None else f"  {seconds:.1f} s"
                received = "".join(f"  received {metric_text(*item)}" for item in update.received.items())
                loss = "loss private" if update.train_loss is None else f"loss {update.train_loss:.4f}"
                return (
                    f"round {update.round}/{self._rounds}  {update.participant}  {update.samples} samples  "
                    f"{loss}{received}  {bytes_text(update.size)}{took}"
                )
            case Ended() if event.execution.state == "Failed":
                key, reason = event.key, event.execution.reason
                return f"round {key.round}/{self._rounds}  {task_text(key)}  attempt {key.attempt} failed: {reason}"
            case Recorded():
                return recorded_text(event, self._rounds)
            case ObjectIgnored(name, reason):
                return f"ignoring {name}: {reason}"
            case StoreOutage():
                return f"the store does not answer, waiting: {event.message}"
            case OtherCoordinator(text):
                return other_text(text)
            case RunEnded() if event.outcome == "Failed":
                return ""  # the command reports the cause
            case RunEnded():
                return f"{event.outcome}{': ' if event.message else ''}{event.message}"
            case _:
                return ""


def _may_end_the_run(event: Event) -> TypeGuard[Ended]:
    """Whether the event is a failure before round 1 that is not retried: the run may end with the same reason."""
    if not isinstance(event, Ended) or event.execution.state != "Failed":
        return False
    return event.key.round == 0 and not event.execution.retryable
