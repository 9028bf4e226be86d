"""Worker-seconds by round and phase."""

from dataclasses import dataclass

from fedtrain.results.run_summary import RoundSummary, RunSummary, TaskTime

PHASES: tuple[str, ...] = (
    "training",
    "measuring",
    "preparing",
    "exchanging",
    "evaluating",
    "aggregating",
    "starting",
    "idle",
)
_OF_TRAINER = {
    "training": "training",
    "measuring": "measuring",
    "evaluating": "measuring",
    "validating": "measuring",
    "loading": "preparing",
    "data": "preparing",
    "fetching": "exchanging",
    "uploading": "exchanging",
}


@dataclass(frozen=True)
class TimeUse:
    """Worker-seconds by phase in one round; `wall`: the round's wall time in seconds. `preparing`: loading the model
    and the data, and time outside all phases. `starting`: time until workers were up. `starting` and `idle` are 0 if
    the round's wall time is unknown."""

    round: int
    wall: float | None
    seconds: dict[str, float]


def time_use(summary: RunSummary) -> list[TimeUse]:
    """Return the time use of each round with telemetry."""
    workers = len({task.worker for round in summary.rounds for task in round.tasks if task.worker >= 0})
    return [found for round in summary.rounds if (found := _of_round(round, workers)) is not None]


def _of_round(round: RoundSummary, workers: int) -> TimeUse | None:
    seconds = dict.fromkeys(PHASES, 0.0)
    for task in round.tasks:
        for phase, spent in _of_task(task).items():
            seconds[phase] += spent
    if not round.tasks:
        for one in round.participants:
            for phase, spent in one.execution.seconds.items() if one.execution else ():
                seconds[_OF_TRAINER.get(phase, "preparing")] += spent
    if not any(seconds.values()):
        return None
    if round.wall_seconds is not None and workers:
        rest = max(0.0, round.wall_seconds * workers - sum(seconds.values()))
        seconds["starting"] = min(rest, sum(task.starting for task in round.tasks))
        seconds["idle"] = rest - seconds["starting"]
    return TimeUse(round.number, round.wall_seconds, seconds)


def _of_task(task: TaskTime) -> dict[str, float]:
    if task.kind == "Aggregate":
        return {"aggregating": task.seconds}
    at_hub = task.kind == "Evaluate"
    seconds: dict[str, float] = {}
    for phase, spent in task.phases.items():
        mine = "evaluating" if at_hub and phase == "evaluating" else _OF_TRAINER.get(phase, "preparing")
        seconds[mine] = seconds.get(mine, 0.0) + spent
    rest = max(0.0, task.seconds - sum(task.phases.values()))
    left = "evaluating" if at_hub and not task.phases else "preparing"
    seconds[left] = seconds.get(left, 0.0) + rest
    return seconds
