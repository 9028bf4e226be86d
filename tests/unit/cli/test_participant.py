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
from fedtrain.manifests.invitation import RULES, Invitation

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
        path = f"{self.folder}{os.pathsep}{os.environ['PATH']}"
        return CliRunner(env={"PATH": path}).invoke(main, ["participant", *arguments])

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


@pytest.mark.parametrize(
    ("answers", "arguments", "message"),
    [
        ({"get participant.fedtrain.dev bank-b": {"spec": {}}}, ["--allow=x"], "Participant 'bank-b' exists"),
        (
            {"get namespace bank-b": {"metadata": {"labels": {"team": "x"}}}},
            ["--allow=x"],
            "namespace 'bank-b' exists, and a participant could read the tasks of others there",
        ),
        ({}, [], "no namespace may use the participant"),
        ({}, ["--allow=x", "--operator=fedtrain"], "--operator 'fedtrain' is not NAMESPACE/SERVICEACCOUNT"),
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
