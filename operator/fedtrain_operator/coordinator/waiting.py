"""Tasks whose pods no node takes, as the training's condition. Pure."""

from collections.abc import Sequence

from fedtrain_operator.coordinator.executions import cancelled
from fedtrain_operator.shared.conditions import Said, find
from fedtrain_operator.shared.kinds import Json


def schedulable(tasks: Sequence[Json]) -> Said:
    """What the participants say of their pods, those of all of them at once."""
    stuck: list[str] = []
    for task in tasks:
        status = task.get("status", {})
        condition = find(status.get("conditions", ()), "Schedulable")
        waits = status.get("phase") == "Pending" and not cancelled(task)
        if waits and condition is not None and condition["status"] == "False":
            stuck.append(condition["message"])
    if stuck:
        return Said("Schedulable", "False", "Unschedulable", "; ".join(stuck))
    return Said("Schedulable", "True", "Scheduled")
