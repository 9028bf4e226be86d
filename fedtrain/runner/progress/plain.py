"""Plain lines, for logs and pipes: one a change, none a step."""

import sys
from typing import TextIO

from fedtrain.runner.events import (
    Delivered,
    Event,
    ObjectIgnored,
    Planned,
    Recorded,
    RunEnded,
    RunStarted,
    StoreOutage,
    WorkersStarting,
)
from fedtrain.runner.progress.text import bytes_text, metric_text, recorded_text
from fedtrain.runner.worker_pool import Ended


class PlainProgress:
    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._rounds = 0
        self._seconds: dict[str, float] = {}

    def __call__(self, event: Event) -> None:
        if line := self._line(event):
            print(line, file=self._out, flush=True)

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
                return (
                    f"round {update.round}/{self._rounds}  {update.participant}  {update.samples} samples  "
                    f"loss {update.train_loss:.4f}{received}  {bytes_text(update.size)}{took}"
                )
            case Ended() if event.execution.state == "Failed":
                key, reason = event.key, event.execution.reason
                return f"round {key.round}/{self._rounds}  {key.who}  attempt {key.attempt} failed: {reason}"
            case Recorded():
                return recorded_text(event, self._rounds)
            case ObjectIgnored(name, reason):
                return f"ignoring {name}: {reason}"
            case StoreOutage():
                return f"the store does not answer, waiting: {event.message}"
            case RunEnded():
                return f"{event.outcome}{': ' if event.message else ''}{event.message}"
            case _:
                return ""
