"""Telemetry of a round as `fedtrain run` writes it: seconds of each task, by phase."""

import json
from typing import Any

from fedtrain.contracts import names
from fedtrain.contracts.records import Grant, Plan
from fedtrain.ledger.ledger import Ledger


def put_runner_telemetry(ledger: Ledger, plan: Plan) -> None:
    phases = {"loading": 0.25, "measuring": 1.0, "training": 6.5, "uploading": 0.125}
    tasks: list[dict[str, Any]] = []
    for number, who in enumerate(member.participant for member in plan.members):
        task = {"who": who, "kind": "Train", "attempt": 1, "worker": number % 2, "seconds": 8.0, "phases": phases}
        grant = ledger.read(names.grant(plan.round, who, 2), Grant)
        if grant is not None:
            tasks.append(task | {"seconds": 1.5, "phases": {}, "state": "Failed", "reason": grant.reason})
            task["attempt"] = 2
        tasks.append(task)
    tasks.append({"who": "_aggregate-1", "kind": "Aggregate", "attempt": 1, "worker": -1, "seconds": 0.5})
    tasks.append({"who": "_evaluate-1", "kind": "Evaluate", "attempt": 1, "worker": 0, "seconds": 2.0})
    runner = {"wallSeconds": 20.0, "tasks": tasks}
    ledger.put_telemetry(f"rounds/{plan.round:04d}/runner.json", json.dumps(runner).encode())
