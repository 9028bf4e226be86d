"""`fedtrain participant privacy`: what all trainings have spent on an owner's data sets."""

import json

import pytest
from fake_kubectl import Shell

from fedtrain.cli import kubectl
from tests.support.outputs import check_output


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


def test_a_loss_that_the_noise_does_not_bound_is_unknown(shell: Shell) -> None:
    entry = {"namespace": "hub", "name": "first", "dataset": "t", "unit": "Example", "round": 1}
    data = {"bank-b.t.r1": json.dumps(entry | {"releases": {"0.4/0.1": 15}})}
    privacy = {"maxEpsilon": 50.0, "delta": 1e-10}
    policy = {"metadata": {"name": "bank-b"}, "spec": {"datasets": [{"name": "t", "uri": "/t"}], "privacy": privacy}}
    shell.answer({"get participantpolicies.fedtrain.dev": {"items": [policy]}, "get configmap": {"data": data}})
    total, training, *_ = shell.run("privacy").output.splitlines()
    assert total == "bank-b, data set t, unit Example: epsilon unknown of 50 at delta 1e-10"
    assert training.startswith("  hub/first (run r1): epsilon unknown, 15 steps")


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


def test_without_a_cluster_the_option_for_runs_on_this_machine_is_named(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = kubectl._failure("get", "The connection to the server localhost:8080 was refused")  # pyright: ignore[reportPrivateUsage]

    def refuse(*_: object) -> None:
        raise refused

    monkeypatch.setattr(kubectl.Kubectl, "get", refuse)
    done = shell.run("privacy")
    assert done.exit_code == 1
    assert "\nhint: For a run on this machine, add `--file federation.yaml`. This command is for" in done.output
