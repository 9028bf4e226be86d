"""`fedtrain participant approve`: the owner sees a training and approves its digest."""

import json
from copy import deepcopy
from typing import Any

import pytest
from click.testing import CliRunner, Result
from fake_kubectl import Shell

from fedtrain.cli.kubectl import Conflict, Kubectl
from fedtrain.cli.main import main

PENDING = {
    "digest": "blake3:" + "0" * 64,
    "namespace": "federations",
    "name": "tickets",
    "base": "HuggingFaceTB/SmolLM2-135M",
    "dataset": "tickets",
    "adapterRank": 16,
}
POLICY = {
    "metadata": {"name": "bank-b", "namespace": "training", "resourceVersion": "7"},
    "spec": {"approvedTrainings": ["blake3:" + "1" * 64]},
    "status": {"pendingApprovals": [PENDING]},
}


def test_approve_shows_the_training_and_adds_its_digest(shell: Shell) -> None:
    shell.answer(
        {
            "get participantpolicies.fedtrain.dev": {"items": [POLICY]},
            "get participantpolicy.fedtrain.dev bank-b": POLICY,
        }
    )
    done = shell.run("approve", "federations/tickets", "--yes")
    assert done.exit_code == 0, done.output
    assert "base model HuggingFaceTB/SmolLM2-135M, data set tickets, LoRA rank 16" in done.output
    (patch,) = [words for words, _ in shell.calls if words[0] == "patch"]
    change = json.loads(patch[-1].removeprefix("--patch="))
    assert change == {
        "metadata": {"resourceVersion": "7"},
        "spec": {"approvedTrainings": ["blake3:" + "1" * 64, PENDING["digest"]]},
    }


def test_approve_without_confirmation_changes_nothing(shell: Shell) -> None:
    shell.answer({"get participantpolicies.fedtrain.dev": {"items": [POLICY]}})
    assert shell.run("approve", "federations/tickets").exit_code == 1
    assert not any(words[0] == "patch" for words, _ in shell.calls)


def test_approve_names_the_trainings_that_wait(shell: Shell) -> None:
    shell.answer({"get participantpolicies.fedtrain.dev": {"items": [POLICY]}})
    done = shell.run("approve", "federations/other", "--yes")
    assert done.exit_code == 1
    assert "Waiting trainings: federations/tickets." in done.stderr


class Policies:
    """An API server with one policy. `others`: lists of approvals that other people write, each before one patch."""

    def __init__(self, *pending: dict[str, Any]) -> None:
        self.body: dict[str, Any] = deepcopy(POLICY) | {"status": {"pendingApprovals": list(pending)}}
        self.others: list[list[str]] = []

    @property
    def approved(self) -> list[str]:
        return self.body["spec"]["approvedTrainings"]

    def get(self, kind: str, *_: str) -> dict[str, Any]:
        return deepcopy({"items": [self.body]} if kind.startswith("participantpolicies") else self.body)

    def run(self, verb: str, *arguments: str) -> str:
        assert verb == "patch"
        if self.others:
            self._write(self.others.pop())
        change = json.loads(arguments[-1].removeprefix("--patch="))
        if change["metadata"]["resourceVersion"] != self.body["metadata"]["resourceVersion"]:
            raise Conflict("kubectl patch failed: (Conflict)")
        self._write(change["spec"]["approvedTrainings"])
        return ""

    def _write(self, approved: list[str]) -> None:
        self.body["spec"]["approvedTrainings"] = approved
        self.body["metadata"]["resourceVersion"] += "1"


def approve(policies: Policies, monkeypatch: pytest.MonkeyPatch) -> Result:
    monkeypatch.setattr(Kubectl, "get", lambda _, *arguments: policies.get(*arguments))
    monkeypatch.setattr(Kubectl, "run", lambda _, *arguments: policies.run(*arguments))
    return CliRunner().invoke(main, ["participant", "approve", "federations/tickets", "--yes"])


def test_approvals_of_others_meanwhile_stay_and_what_they_withdrew_stays_withdrawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    policies = Policies(PENDING)
    policies.others = [["blake3:" + "2" * 64]]
    done = approve(policies, monkeypatch)
    assert done.exit_code == 0, done.output
    assert policies.approved == ["blake3:" + "2" * 64, PENDING["digest"]]


def test_two_versions_of_a_training_are_both_approved(monkeypatch: pytest.MonkeyPatch) -> None:
    other = PENDING | {"digest": "blake3:" + "3" * 64}
    policies = Policies(PENDING, other)
    done = approve(policies, monkeypatch)
    assert done.exit_code == 0, done.output
    assert policies.approved == ["blake3:" + "1" * 64, PENDING["digest"], other["digest"]]


def test_a_conflict_of_kubectl_is_known(shell: Shell) -> None:
    tool = shell.folder / "kubectl"
    text = "Error from server (Conflict): Operation cannot be fulfilled on participantpolicies: modified"
    tool.write_text(f"#!/bin/sh\necho '{text}' >&2\nexit 1\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(shell.folder), prepend=":")
        with pytest.raises(Conflict):
            Kubectl(None, None).run("patch")
