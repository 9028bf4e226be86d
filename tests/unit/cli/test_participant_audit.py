"""`fedtrain participant audit`: the lines of the log, and whether its chain is complete."""

import json

from fake_kubectl import Shell

from fedtrain.contracts.audit import AuditEntry, AuditFile, SentObject, appended
from fedtrain.manifests.audit_log import current
from fedtrain.manifests.kinds import Json
from tests.support.outputs import check_output


def audit_log(*messages: str) -> Json:
    """The ConfigMaps of a log whose tasks end with these messages."""
    file = AuditFile()
    for number, message in enumerate(messages):
        mine: Json = {"task": f"t-{number}", "uid": f"uid-{number}", "work": "Train", "round": number, "attempt": 1}
        whose: Json = {"hub": "https://hub", "namespace": "federations", "training": "tickets", "run": "r"}
        start = AuditEntry(time="2025-06-01T12:00:00Z", event="Started", dataset="tickets", **mine, **whose)
        sent = (SentObject(name="0.safetensors", bytes=4096, digest="blake3:0"),)
        end = start.model_copy(
            update={
                "time": "2025-06-02T12:00:00Z",
                "event": "Finished",
                "message": message,
                "dataset": None,
                "sent": sent,
            }
        )
        file = appended(appended(file, start), end)
    return {"items": [current(file, "training", "bank-b")]}


def test_the_audit_log_shows_what_ran_and_what_left_and_its_last_digest(shell: Shell) -> None:
    shell.answer({"get configmaps fedtrain.dev/audit": audit_log("one", "two")})
    done = shell.run("audit", "-n", "training")
    assert done.exit_code == 0, done.output
    assert (
        "federations/tickets of https://hub  round 1 attempt 1 Train  data set tickets  two  sent 0.safet"
        in done.output
    )
    assert "the chain is complete; digest of the newest line: blake3:" in done.output
    found = json.loads(shell.run("audit", "-o", "json", "--since", "2025-06-02T00:00:00Z").stdout)
    check_output("participant-audit", found)
    assert [line["message"] for line in found["lines"]] == ["one", "two"]
    assert found["lines"][0]["dataset"] == "tickets"
    assert found["faults"] == []


def test_a_changed_line_of_the_audit_log_is_reported_with_an_exit_code(shell: Shell) -> None:
    log = audit_log("one", "two")
    data = log["items"][0]["data"]
    data["log"] = data["log"].replace("one", "another")
    shell.answer({"get configmaps fedtrain.dev/audit": log})
    done = shell.run("audit")
    assert done.exit_code == 1
    assert "the audit log is not complete: file 1, line 3: does not follow the line before it" in done.output


def test_a_time_that_is_none_is_refused(shell: Shell) -> None:
    assert "--since 'yesterday' is not a time" in shell.run("audit", "--since", "yesterday").output
