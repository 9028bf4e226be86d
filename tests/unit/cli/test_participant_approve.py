"""`fedtrain participant approve`: the owner sees a training and approves its digest."""

import json

from fake_kubectl import Shell

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
