"""`fedtrain participant`: what it asks of kubectl, and what it refuses."""

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from ruamel.yaml import YAML

from fedtrain.cli.main import main
from fedtrain.contracts.audit import AuditEntry, AuditFile, SentObject, appended
from fedtrain.manifests.audit_log import current
from fedtrain.manifests.invitation import RULES, Invitation
from fedtrain.manifests.kinds import Json
from tests.support.outputs import check_output

KUBECTL = """#!/usr/bin/env python3
import json, pathlib, sys
folder = pathlib.Path(__file__).parent
words = [word for word in sys.argv[1:] if not word.startswith("-")]
with (folder / "calls").open("a") as calls:
    calls.write(json.dumps([sys.argv[1:], sys.stdin.read()]) + "\\n")
answers = json.loads((folder / "answers.json").read_text())
print(answers.get(" ".join(words[:3]), answers.get(" ".join(words[:2]), "")))
"""
CLUSTER = {"server": "https://hub.example.org:6443", "certificate-authority-data": base64.b64encode(b"PEM").decode()}
ANSWERS: dict[str, str] = {
    "config view": json.dumps({"clusters": [{"name": "hub", "cluster": CLUSTER}]}),
    "create token fedtrain-participant": "e30.e30.e30",
}


class Shell:
    """A kubectl that answers from a table and notes its calls."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        tool = folder / "kubectl"
        tool.write_text(KUBECTL)
        tool.chmod(0o755)
        self.answer({})

    def answer(self, more: dict[str, Any]) -> None:
        (self.folder / "answers.json").write_text(json.dumps(ANSWERS | {key: json.dumps(more[key]) for key in more}))

    def run(self, *arguments: str) -> Result:
        return self.run_any("participant", *arguments)

    def run_any(self, *arguments: str) -> Result:
        path = f"{self.folder}{os.pathsep}{os.environ['PATH']}"
        return CliRunner(env={"PATH": path}).invoke(main, arguments)

    @property
    def calls(self) -> list[tuple[list[str], str]]:
        return [(words, given) for words, given in map(json.loads, (self.folder / "calls").read_text().splitlines())]


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    return Shell(tmp_path)


def test_a_participant_has_these_rights_at_the_hub_and_no_others() -> None:
    rights = {(rule["resources"][0], tuple(rule["verbs"]), tuple(rule.get("resourceNames", ()))) for rule in RULES}
    assert rights == {
        ("trainingtasks", ("get", "list", "watch"), ()),
        ("trainingtasks/status", ("patch",), ()),
        ("secrets", ("get",), ("fedtrain-transfer",)),
        ("serviceaccounts/token", ("create",), ("fedtrain-participant",)),
    }
    objects = Invitation("bank-b", "at-bank-b", ("federations",)).objects()
    (cluster_wide,) = [body for body in objects if body["kind"] == "ClusterRole"]
    assert [(rule["resources"], rule["verbs"], rule["resourceNames"]) for rule in cluster_wide["rules"]] == [
        (["participants/status"], ["patch"], ["bank-b"])
    ]


def test_invite_applies_the_objects_and_writes_the_values_for_the_owner_alone(shell: Shell) -> None:
    done = shell.run("invite", "bank-b", "--allow=federations", "--context=hub")
    assert done.exit_code == 0, done.output
    values = YAML(typ="safe").load(Path("bank-b.yaml").read_text())
    assert values == {
        "participant": "bank-b",
        "hub": {
            "server": "https://hub.example.org:6443",
            "namespace": "bank-b",
            "serviceAccount": "fedtrain-participant",
            "token": "e30.e30.e30",
            "caCertificate": "PEM",
        },
    }
    assert Path("bank-b.yaml").stat().st_mode & 0o777 == 0o600
    assert "e30" not in done.output
    (applied,) = [given for words, given in shell.calls if "apply" in words]
    kinds = [body["kind"] for body in json.loads(applied)["items"]]
    assert kinds[0] == "Namespace"
    assert kinds.count("Participant") == 1
    assert all("--context=hub" in words for words, _ in shell.calls)
    assert ["--context=hub", "create", "token", "fedtrain-participant", "-n", "bank-b", "--duration=240h"] in [
        words for words, _ in shell.calls
    ]


@pytest.mark.parametrize(("hours", "note"), [(240, ""), (24, "bank-b may be offline for 21.6 hours")])
def test_invite_says_until_when_the_token_is_valid_and_notes_a_hub_that_limits_it(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, hours: int, note: str
) -> None:
    claims = base64.urlsafe_b64encode(json.dumps({"iat": 0, "exp": hours * 3600}).encode()).decode().rstrip("=")
    monkeypatch.setitem(ANSWERS, "create token fedtrain-participant", f"e30.{claims}.signature")
    shell.answer({})
    done = shell.run("invite", "bank-b", "--allow=federations")
    assert done.exit_code == 0, done.output
    assert f"contains a token, valid until 1970-01-{1 + hours // 24:02}T00:00:00Z: send it" in done.stdout
    assert note in done.stderr
    assert bool(done.stderr) == bool(note)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no namespace may use the participant"),
        (["--allow=federations/tickets"], "'federations/tickets' is not a namespace. Use --allow federations."),
        (["--allow=a,b"], "'a,b' is a list. Repeat the option: --allow a --allow b."),
        (["--allow=x", "--namespace=Bank"], "'Bank' is not a namespace. Use -n bank."),
        (["--allow=x", "--operator=fedtrain"], "'fedtrain' is not NAMESPACE/SERVICEACCOUNT. Example: --operator"),
    ],
)
def test_invite_judges_its_options_before_it_asks_the_cluster(shell: Shell, arguments: list[str], message: str) -> None:
    done = shell.run("invite", "bank-b", *arguments)
    assert done.exit_code != 0
    assert message in done.stderr
    assert not (shell.folder / "calls").exists()


@pytest.mark.parametrize(
    ("answers", "arguments", "message"),
    [
        ({"get participant.fedtrain.dev bank-b": {"spec": {}}}, ["--allow=x"], "Participant 'bank-b' exists"),
        (
            {"get namespace bank-b": {"metadata": {"labels": {"team": "x"}}}},
            ["--allow=x"],
            "namespace 'bank-b' exists, and a participant could read the tasks of others there",
        ),
    ],
)
def test_invite_refuses(shell: Shell, answers: dict[str, Any], arguments: list[str], message: str) -> None:
    shell.answer(answers)
    done = shell.run("invite", "bank-b", *arguments)
    assert done.exit_code == 1
    assert message in done.stderr
    assert not any("apply" in words for words, _ in shell.calls)


def test_reinvite_deletes_the_account_first_so_that_old_tokens_end(shell: Shell) -> None:
    spec = {"namespace": "at-bank-b", "allowedNamespaces": ["federations"], "cluster": "Own"}
    shell.answer({"get participant.fedtrain.dev bank-b": {"spec": spec}})
    done = shell.run("reinvite", "bank-b")
    assert done.exit_code == 0, done.output
    verbs = [words[0] for words, _ in shell.calls]
    assert verbs.index("delete") < verbs.index("apply")
    assert YAML(typ="safe").load(Path("bank-b.yaml").read_text())["hub"]["namespace"] == "at-bank-b"


def test_revoke_deletes_the_credentials_first_and_keeps_the_namespace(shell: Shell) -> None:
    shell.answer({"get participant.fedtrain.dev bank-b": {"spec": {"namespace": "at-bank-b"}}})
    done = shell.run("revoke", "bank-b")
    assert done.exit_code == 0, done.output
    deleted = [words[1:3] for words, _ in shell.calls if words[0] == "delete"]
    assert deleted[0] == ["serviceaccount", "fedtrain-participant"]
    assert ["participant.fedtrain.dev", "bank-b"] in deleted
    assert not any(kind == "namespace" for kind, _ in deleted)


PENDING = {
    "digest": "blake3:" + "0" * 64,
    "namespace": "federations",
    "name": "tickets",
    "base": "HuggingFaceTB/SmolLM2-135M",
    "dataset": "tickets",
    "adapterRank": 16,
}
POLICY = {
    "metadata": {"name": "bank-b", "namespace": "training"},
    "spec": {"approvedTrainings": ["blake3:" + "1" * 64]},
    "status": {"pendingApprovals": [PENDING]},
}


def test_approve_shows_the_training_and_adds_its_digest(shell: Shell) -> None:
    shell.answer({"get participantpolicies.fedtrain.dev": {"items": [POLICY]}})
    done = shell.run("approve", "federations/tickets", "--yes")
    assert done.exit_code == 0, done.output
    assert "base model HuggingFaceTB/SmolLM2-135M, data set tickets, LoRA rank 16" in done.output
    (patch,) = [words for words, _ in shell.calls if words[0] == "patch"]
    change = json.loads(patch[-1].removeprefix("--patch="))
    assert change == {"spec": {"approvedTrainings": ["blake3:" + "1" * 64, PENDING["digest"]]}}


def test_approve_without_confirmation_changes_nothing(shell: Shell) -> None:
    shell.answer({"get participantpolicies.fedtrain.dev": {"items": [POLICY]}})
    assert shell.run("approve", "federations/tickets").exit_code == 1
    assert not any(words[0] == "patch" for words, _ in shell.calls)


def test_approve_names_the_trainings_that_wait(shell: Shell) -> None:
    shell.answer({"get participantpolicies.fedtrain.dev": {"items": [POLICY]}})
    done = shell.run("approve", "federations/other", "--yes")
    assert done.exit_code == 1
    assert "Waiting trainings: federations/tickets." in done.stderr


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


def test_logs_of_a_cluster_show_tasks_with_the_lines_that_participants_allow(shell: Shell) -> None:
    def task(who: str, round: int, **status: Any) -> Json:
        marks = {"participant": who, "round": str(round), "kind": "Train", "attempt": "1"}
        named = {f"fedtrain.dev/{name}": value for name, value in marks.items()}
        return {"metadata": {"name": f"{who}-{round}", "labels": named}, "status": status}

    forged = "out of memory\n==> round 2  bank-c\x1b[2J"
    failed = task("bank-b", 2, phase="Failed", message=forged, logTail="12:00:00 info training\n\x1b]0;title\a")
    selector = "fedtrain.dev/training-namespace=federations,fedtrain.dev/training=tickets"
    tasks = {"items": [failed, task("bank-a", 2, phase="Succeeded"), task("bank-b", 1, phase="Succeeded")]}
    shell.answer({f"get trainingtasks.fedtrain.dev {selector}": tasks})
    done = shell.run_any("logs", "federations/tickets", "--cluster", "--round", "2")
    assert done.output.splitlines() == [
        "==> round 2  bank-a  Train  attempt 1  Succeeded",
        "==> round 2  bank-b  Train  attempt 1  Failed: out of memory ==> round 2  bank-c [2J",
        "    12:00:00 info training",
        "     ]0;title ",
    ]
    assert "bank-a" not in shell.run_any("logs", "federations/tickets", "bank-b", "--cluster").output
    assert "'tickets' is not NAMESPACE/NAME" in shell.run_any("logs", "tickets", "--cluster").output


def test_the_owner_sees_what_all_trainings_have_spent(shell: Shell) -> None:
    entry = {"namespace": "hub", "dataset": "tickets", "unit": "Participant", "round": 2}
    data = {
        "bank-b.tickets.r1": json.dumps(entry | {"name": "first", "releases": {"1.0": 2}}),
        "bank-b.may.r2": json.dumps(entry | {"name": "second", "dataset": "may", "releases": {"1.0": 1}}),
        "bank-b.tickets.r3": json.dumps(entry | {"name": "third", "unit": "Example", "releases": {"1.1/0.02": 20}}),
        "bank-c.tickets.r2": json.dumps(entry | {"name": "second", "releases": {"1.0": 9}}),
    }
    datasets = [{"name": "tickets", "uri": "/data/tickets"}, {"name": "may", "uri": "/data/tickets/may.jsonl"}]
    policy = {"metadata": {"name": "bank-b"}, "spec": {"datasets": datasets, "privacy": {"maxEpsilon": 9.0}}}
    shell.answer({"get participantpolicies.fedtrain.dev": {"items": [policy]}, "get configmap": {"data": data}})
    done = shell.run("privacy")
    assert done.exit_code == 0, done.output
    tickets = done.output.splitlines().index(
        "bank-b, data set tickets, unit Participant: epsilon 8.385 of 9 at delta 1e-05"
    )
    assert done.output.startswith("bank-b, data set may, unit Participant: epsilon 8.385 of 9"), (
        "one place holds the other"
    )
    assert done.output.splitlines()[tickets + 1 :] == [
        "  hub/second (run r2, data set may): epsilon 4.377, 1 round with noise multiplier 1",
        "  hub/first (run r1): epsilon 6.573, 2 rounds with noise multiplier 1",
        "bank-b, data set tickets, unit Example: epsilon 0.6746 of 9 at delta 1e-05",
        "  hub/third (run r3): epsilon 0.6746, 20 steps with noise multiplier 1.1 and 0.02 of the rows",
        "unit Participant: one participant's update replaced by zeros, in every round; participants trust the hub to "
        "add the noise that its tasks promise, or each other to add their shares; accountant: exact Gaussian",
        "unit Example: one training row of one participant added or removed; the number of rows is public; each "
        "participant adds the noise itself; accountant: PLD, rows sampled independently in each step",
    ]
    (*_, loss, _) = printed = json.loads(shell.run("privacy", "-o", "json").output)
    check_output("participant-privacy", printed)
    assert loss["epsilon"] == pytest.approx(8.385, abs=1e-3)
    assert [one["training"] for one in loss["trainings"]] == ["hub/second", "hub/first"]


def test_the_owner_learns_that_the_ledger_cannot_be_read(shell: Shell) -> None:
    policy = {"metadata": {"name": "bank-b"}, "spec": {"datasets": [{"name": "t", "uri": "/data/t"}]}}
    shell.answer(
        {"get participantpolicies.fedtrain.dev": {"items": [policy]}, "get configmap": {"data": {"bank-b.t.r": "{}"}}}
    )
    done = shell.run("privacy")
    assert done.exit_code == 1
    assert "entry bank-b.t.r of ConfigMap fedtrain-privacy cannot be read" in str(done.exception) + done.output
    shell.answer({"get participantpolicies.fedtrain.dev": {"items": [policy]}})
    assert "No training that promises privacy has started yet." in shell.run("privacy").output
