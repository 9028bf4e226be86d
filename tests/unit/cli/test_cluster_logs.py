"""`fedtrain logs --cluster`: tasks, with the lines that participants show the hub."""

from typing import Any

from fake_kubectl import Shell

from fedtrain.manifests.kinds import Json


def test_logs_of_a_cluster_show_tasks_with_the_lines_that_participants_allow(shell: Shell) -> None:
    def task(who: str, round: int, kind: str = "Train", **status: Any) -> Json:
        marks = {"run": "run-1", "participant": who, "round": str(round), "kind": kind, "attempt": "1"}
        named = {f"fedtrain.dev/{name}": value for name, value in marks.items()}
        return {"metadata": {"name": f"{who}-{round}", "labels": named}, "status": status}

    forged = "out of memory\n==> round 2  bank-c\x1b[2J"
    failed = task("bank-b", 2, phase="Failed", message=forged, logTail="12:00:00 info training\n\x1b]0;title\a")
    selector = "fedtrain.dev/training-namespace=federations,fedtrain.dev/training=tickets"
    tasks = {"items": [failed, task("bank-a", 2, phase="Succeeded"), task("bank-b", 1, phase="Succeeded")]}
    tasks["items"].append(task("bank-c", 3, "Measure", phase="Succeeded"))  # of the adapter of round 2
    by_hand = {"fedtrain.dev/training-namespace": "federations", "fedtrain.dev/training": "tickets"}
    tasks["items"].append({"metadata": {"name": "by-hand", "labels": by_hand}, "spec": {}})
    shell.answer({f"get trainingtasks.fedtrain.dev {selector}": tasks})
    done = shell.run_any("logs", "federations/tickets", "--cluster", "--round", "2")
    assert done.output.splitlines() == [
        "==> round 2  bank-a  Train  attempt 1  Succeeded",
        "==> round 2  bank-b  Train  attempt 1  Failed: out of memory ==> round 2  bank-c [2J",
        "    12:00:00 info training",
        "     ]0;title ",
        "==> round 2  bank-c  Measure  attempt 1  Succeeded",
    ]
    assert "bank-a" not in shell.run_any("logs", "federations/tickets", "bank-b", "--cluster").output
    assert "'tickets' is not NAMESPACE/NAME" in shell.run_any("logs", "tickets", "--cluster").output
